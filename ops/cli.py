"""The ``richesreach`` command line.

Exit status: 0 done, 1 it failed, 2 the command was given wrongly.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ops import cdk
from ops.console import console
from ops.deploy.cli import deploy
from ops.destroy.cli import destroy
from ops.drift.form import DriftForm
from ops.errors import OperationError, UsageError
from ops.lake import cli as lake
from ops.plan.form import CostForm, Form
from ops.stateful_lock import cli as stateful_lock
from stacks.errors import ConfigurationError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Runs, deploys and watches the RichesReach platform.",
)
app.add_typer(lake.app, name="lake")
app.add_typer(stateful_lock.app, name="lock")
errors = Console(stderr=True, highlight=False, soft_wrap=True)

Region = Annotated[str, typer.Argument(help="A region of the platform, such as eu-west-1.")]
Routed = Annotated[str, typer.Option("--env", help="Whose traffic: an environment of environments/.")]


@app.command()
def up() -> None:
    """Deploy the whole platform to a local AWS and leave it serving."""
    from ops.local import up as platform  # noqa: PLC0415

    platform.up(console)


@app.command()
def down() -> None:
    """Stop everything that `up` started."""
    from ops.local import down as platform  # noqa: PLC0415

    platform.down(console)


@app.command()
def status(
    as_json: Annotated[
        bool, typer.Option("--json", help="The supervisor's state as it publishes it.")
    ] = False,
) -> None:
    """Show what runs; exit 1 when something that should serve does not."""
    from ops.local import status as platform  # noqa: PLC0415

    raise typer.Exit(platform.status(console, as_json=as_json))


@app.command()
def logs(
    name: Annotated[
        str | None, typer.Argument(help="A process as `status` names it; without, a list.")
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come in.")] = False,
) -> None:
    """Show the log of one process."""
    from ops.local import logs as platform  # noqa: PLC0415

    platform.logs(console, name, lines=lines, follow=follow)


@app.command()
def drain(
    region: Annotated[str | None, typer.Argument(help="A region of the platform, such as eu-west-1.")] = None,
    status: Annotated[
        bool, typer.Option("--status", help="Change nothing; show what is drained and where writes go.")
    ] = False,
    environment: Routed = "local",
) -> None:
    """Send a region's viewers, reads and writes, to the nearest other one, without a deploy."""
    from ops import routing  # noqa: PLC0415

    if (region is None) != status:
        raise UsageError("name a region to drain, or give --status")
    console.print(routing.status(environment) if region is None else routing.drain(region, environment))


@app.command()
def undrain(region: Region, environment: Routed = "local") -> None:
    """Let a drained region serve again."""
    from ops import routing  # noqa: PLC0415

    console.print(routing.undrain(region, environment))


@app.command()
def erase(
    subject: Annotated[str, typer.Option("--subject", help="Id of the person.")],
    environment: Annotated[str, typer.Option("--env", help="An environment of environments/.")] = "local",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would be erased; change nothing.")
    ] = False,
    by: Annotated[
        str | None, typer.Option("--by", help="Who asks for it, as the receipt says; default: you.")
    ] = None,
) -> None:
    """Erase what the platform keeps about one person, in every store of every region."""
    from ops import erasure  # noqa: PLC0415

    erasure.erase(console, environment, subject, dry_run=dry_run, requested_by=by)


@app.command()
def capacity(
    environment: Annotated[str, typer.Option("--env", help="An environment of environments/.")] = "prod",
) -> None:
    """Show what each region must hold when another is lost; exit 1 when it may not."""
    from ops import capacity as evacuation  # noqa: PLC0415

    raise typer.Exit(evacuation.capacity(console, environment))


@app.command()
def images(
    services: Annotated[
        list[str] | None, typer.Argument(help="Services, as their manifests are called; default: all.")
    ] = None,
    audit: Annotated[
        str, typer.Option("--audit", help="online, or offline where no source of advisories is reached.")
    ] = "online",
) -> None:
    """Build every service's image, run it as ECS would, write its bill of materials, and audit it."""
    from ops.images import run as building  # noqa: PLC0415

    building.images(console, services or [], audit)


@app.command()
def writer(
    region: Annotated[str | None, typer.Argument(help="The region that takes every write.")] = None,
    nearest: Annotated[
        bool, typer.Option("--nearest", help="Let each viewer's own region take writes again.")
    ] = False,
    environment: Routed = "local",
) -> None:
    """Send every write to one region, as after a switchover, without a deploy."""
    from ops import routing  # noqa: PLC0415

    if (region is None) != nearest:
        raise UsageError("name the region that takes writes, or give --nearest")
    console.print(routing.write_to(region, environment))


@app.command()
def retire(
    region: Annotated[str, typer.Argument(help="The region that is no longer in the environment's file.")],
    environment: Annotated[str, typer.Option("--env", help="An environment of environments/.")] = "prod",
    yes: Annotated[
        list[str] | None,
        typer.Option(
            "--yes", help="The region's code once more, and what `deploy` asks a yes for; repeatable."
        ),
    ] = None,
    bake: Annotated[
        float | None,
        typer.Option("--wave-bake", min=0, help="Seconds to wait after the drain and each wave."),
    ] = None,
) -> None:
    """Drain a region that left the environment's file, deploy the others without it, and delete it."""
    from ops import retire as leaving  # noqa: PLC0415

    leaving.retire(console, leaving.Options(environment, region, tuple(yes or ()), bake))


@app.command()
def plan(
    environment: Annotated[str, typer.Option("--env", help="An environment of environments/.")] = "prod",
    base: Annotated[
        str | None,
        typer.Option("--base", help="A git revision to compare with; without, what is deployed."),
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.TEXT,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file for it.")] = None,
) -> None:
    """Show what a deployment would change, risk and cost: exit 0 nothing, 2 changes, 3 needs a yes."""
    from ops.plan import command  # noqa: PLC0415

    raise typer.Exit(int(command.run(console, environment, base, form, output)))


@app.command()
def cost(
    environment: Annotated[str, typer.Option("--env", help="An environment of environments/.")] = "prod",
    form: Annotated[CostForm, typer.Option("--format", help="How it is written.")] = CostForm.TEXT,
) -> None:
    """Show what an environment costs a month before any traffic, by region and item, with sources."""
    from ops.plan import cost_report  # noqa: PLC0415

    cost_report.run(console, environment, form)


@app.command()
def drift(
    environment: Annotated[str, typer.Option("--env", help="An environment of environments/.")] = "prod",
    form: Annotated[DriftForm, typer.Option("--format", help="How it is written.")] = DriftForm.TEXT,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file for it.")] = None,
) -> None:
    """Show what was changed past the templates: exit 0 nothing, 1 not every stack can be judged, 2 drift."""
    from ops.drift import report  # noqa: PLC0415

    raise typer.Exit(int(report.run(console, environment, form, output)))


@app.command()
def smoke(
    environment: Annotated[str, typer.Option("--env", help="An environment of environments/.")] = "local",
    wait: Annotated[float, typer.Option("--wait", min=0, help="Seconds for everything to serve.")] = 60,
) -> None:
    """Ask what viewers ask, and of every region whether it serves; exit 1 when one does not."""
    from ops import smoke as checks  # noqa: PLC0415

    raise typer.Exit(checks.run(console, environment, wait))


@app.command()
def preflight(
    environment: Annotated[str, typer.Option("--env", help="An environment of environments/.")] = "prod",
    form: Annotated[CostForm, typer.Option("--format", help="How it is written.")] = CostForm.TEXT,
) -> None:
    """Check what a deployment would stumble over; exit 1 when something must be mended first."""
    from ops.preflight import command  # noqa: PLC0415

    raise typer.Exit(command.run(console, environment, form))


app.command()(deploy)
app.command()(destroy)


@app.command(name="cdk", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run_cdk(
    context: typer.Context,
    environment: Annotated[str, typer.Option("--env", help="An environment of environments/.")] = "prod",
) -> None:
    """Run the pinned CDK CLI for one environment: `richesreach cdk --env local diff`."""
    raise typer.Exit(cdk.run(environment, context.args))


def main() -> None:
    """Entry point: every expected error is one line on stderr, never a traceback."""
    try:
        app()
    except (ConfigurationError, UsageError) as error:
        errors.print(f"error: {error}", style="red", markup=False)
        sys.exit(2)
    except OperationError as error:
        errors.print(f"error: {error}", style="red", markup=False)
        sys.exit(1)
    except KeyboardInterrupt:
        errors.print("interrupted", style="yellow")
        sys.exit(130)


if __name__ == "__main__":
    main()
