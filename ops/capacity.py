"""``richesreach capacity``: what each region must hold when another is lost, and whether it may."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from stacks.ecs.capacity import evacuation
from stacks.environment import load_environment
from stacks.manifest import load_manifests


def capacity(console: Console, name: str) -> int:
    """Prints the table; 1 when some region could not hold what it must, else 0.

    Raises:
        ConfigurationError: there is no such environment, or its file is wrong.
    """
    environment = load_environment(name)
    needs = evacuation(environment, load_manifests())
    table = Table(
        title=f"Region evacuation, environment {name}",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in ("region", "what", "normal", "needed when lost", "allowed", "holds"):
        table.add_column(column, justify="right" if column in {"normal", "allowed"} else "left")
    for need in needs:
        wanted = f"{need.needed:g} ({need.lost})"
        holds = "[green]yes[/]" if need.holds else "[red]no[/]"
        table.add_row(need.region, need.what, f"{need.normal:g}", wanted, f"{need.limit:g}", holds)
    console.print(table)
    database = environment.database
    console.print(
        f"Aurora: every member grows from {database.min_capacity:g} to {database.max_capacity:g} ACU,"
        " so that a promoted one holds what the writer held."
        f" NAT gateways: {environment.network.nat_gateways}."
    )
    missing = [need for need in needs if not need.holds]
    for need in missing:
        console.print(str(need), style="red", markup=False)
    return 1 if missing else 0
