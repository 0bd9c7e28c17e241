"""``richesreach lake``: check what is in the lakes, load samples."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from ops.console import console

if TYPE_CHECKING:
    from ops.lake.check import Outcome

app = typer.Typer(no_args_is_help=True, help="Checks the data lake and loads sample data into it.")

Environment = Annotated[str, typer.Option("--env", help="An environment of environments/.")]
Region = Annotated[str | None, typer.Option("--region", "-r", help="One region; without, all of them.")]


@app.command()
def sample(environment: Environment = "local", region: Region = None) -> None:
    """Write sample data under every prefix; each record says that it is a sample."""
    from ops.lake import sample as samples  # noqa: PLC0415

    samples.load(console, environment, region)


@app.command()
def check(
    environment: Environment = "local",
    region: Region = None,
    zone: Annotated[
        Literal["raw", "processed", "curated", "metadata"] | None,
        typer.Option("--zone", "-z", help="One zone; without, all of them."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--objects", min=1, help="How many of a dataset's newest objects to read.")
    ] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="The results as they are written.")] = False,
) -> None:
    """Check schema, freshness and quality; exit 1 when something is wrong."""
    from ops.lake import check as checks  # noqa: PLC0415
    from ops.lake import site  # noqa: PLC0415

    _, lakes = site.lakes(environment, region)
    now = datetime.now(UTC)
    results = {lake.region: (lake, checks.check(lake, zone, limit, now)) for lake in lakes}
    outcomes = [outcome for _, found in results.values() for outcome in found]
    if as_json:
        documents = [checks.result(lake, found, now) for lake, found in results.values()]
        typer.echo(json.dumps(documents, indent=2))
    else:
        _print(outcomes, now)
    raise typer.Exit(0 if all(outcome.passed for outcome in outcomes) else 1)


def _print(outcomes: list[Outcome], now: datetime) -> None:
    table = Table("region", "dataset", "objects", "records", "newest", "result", box=None, pad_edge=False)
    for outcome in outcomes:
        # A bar's indicators are of its end, which may be in a moment.
        hours = None if outcome.newest is None else max(0.0, (now - outcome.newest).total_seconds()) / 3600
        age = "" if hours is None else f"{hours:.1f} h"
        count = len(outcome.problems)
        table.add_row(
            outcome.region,
            outcome.dataset,
            str(outcome.objects),
            str(outcome.records),
            age,
            "[green]ok[/]" if outcome.passed else f"[red]{count} problem{'s' if count > 1 else ''}[/]",
        )
    console.print(table)
    for outcome in outcomes:
        for problem in outcome.problems:
            console.print(
                f"{outcome.region} {problem.key}: {problem.rule}: {problem.reason}", style="red", markup=False
            )
