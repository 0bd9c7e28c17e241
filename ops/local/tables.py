"""The tables that `up` and `status` print."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from ops.local import aws, paths, state
from ops.local.readiness import edge_url
from stacks.environment import Environment

COLOURS = {
    "steady": "green",
    "running": "green",
    "deploying": "yellow",
    "starting": "yellow",
    "restarting": "yellow",
}


def endpoints(console: Console, environment: Environment) -> None:
    """Where everything answers, and lines to paste."""
    published = state.read(paths.STATE_FILE)
    table = Table(title="RichesReach, environment local", title_justify="left", show_header=False)
    table.add_row("edge", edge_url())
    table.add_row("API document", f"{edge_url()}/api/openapi.json")
    table.add_row("local AWS", f"{aws.endpoint()} (account {aws.ACCOUNT}, credentials test/test)")
    console.print(table)
    table = Table(title="Regions", title_justify="left")
    for column in ("region", "load balancer", "services healthy", "database", "cache"):
        table.add_column(column)
    for region in environment.regions:
        table.add_row(region, *_region(region, published))
    console.print(table)
    console.print("Try it:", style="bold")
    for line in (
        f"curl {edge_url()}/health/detailed/",
        f"curl -H 'X-Viewer-Location: Frankfurt' {edge_url()}/api/status/services",
        f"curl -H 'X-Viewer-Location: Singapore' {edge_url()}/api/status/services",
        "make status    make logs    make down",
    ):
        console.print(f"  {line}", soft_wrap=True, markup=False)


def _region(region: str, published: state.State) -> tuple[str, str, str, str]:
    """One line each: load balancer, services, databases and the caches that are the region's own."""
    balancers = [p for p in published.processes if p.kind == "load-balancer" and p.region == region]
    services = [s for s in published.services if s.region == region]
    databases = [d for d in published.databases if d.region == region]
    caches = [c for c in published.caches if c.region == region]
    return (
        "\n".join(f"{p.address}:{p.port}" for p in balancers),
        "\n".join(f"{s.name} {s.healthy}/{s.desired}" for s in services),
        "\n".join(f"{d.address} {d.role}" for d in databases),
        "\n".join(f"{c.address} {c.role}" for c in caches),
    )


def processes(console: Console, published: state.State) -> None:
    """Every process, and every service with the reason where it has one."""
    table = Table(title="Processes", title_justify="left")
    for column in ("name", "kind", "region", "address", "pid", "restarts", "status", "reason"):
        table.add_column(column, overflow="fold")
    for process in sorted(
        published.processes, key=lambda process: (process.kind, process.region, process.name)
    ):
        colour = COLOURS.get(process.status, "red")
        address = f"{process.address}:{process.port}" if process.address else ""
        table.add_row(
            process.name,
            process.kind,
            process.region,
            address,
            str(process.pid or ""),
            str(process.restarts),
            f"[{colour}]{process.status}[/]",
            process.reason,
        )
    console.print(table)
    table = Table(title="Services", title_justify="left")
    for column in ("service", "region", "task definition", "healthy", "status", "reason"):
        table.add_column(column, overflow="fold")
    for service in sorted(published.services, key=lambda service: (service.name, service.region)):
        colour = COLOURS.get(service.status, "red")
        table.add_row(
            service.name,
            service.region,
            service.task_definition.rpartition("/")[2],
            f"{service.healthy}/{service.desired}",
            f"[{colour}]{service.status}[/]",
            service.reason,
        )
    console.print(table)
