"""``richesreach deploy``, as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.console import console

Environment = Annotated[str, typer.Option("--env", help="An environment of environments/.")]
Plan = Annotated[
    Path | None,
    typer.Option("--plan", help="The plan's JSON that was read; refused when something moved since."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the waves and their time; touch nothing.")]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Go on with the run that halted or was killed; with --plan, else begin."),
]
Bake = Annotated[
    float | None, typer.Option("--wave-bake", min=0, help="Seconds to watch the alarms after each wave.")
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", help="A region or a stack, with what it stands on; repeatable."),
]
Yes = Annotated[
    list[str] | None,
    typer.Option(
        "--yes", help="What needs an explicit yes: STACK/LOGICAL_ID, access, or plan with --plan; repeatable."
    ),
]
Despite = Annotated[
    list[str] | None, typer.Option("--despite", help="An alarm that does not halt this run; repeatable.")
]
BreakLock = Annotated[str | None, typer.Option("--break-lock", help="The name of whoever holds the lock.")]
Assembly = Annotated[
    Path | None,
    typer.Option("--assembly", help="A cdk.out to deploy; without, the working tree is synthesised."),
]
Output = Annotated[
    Path | None, typer.Option("--output", help="A folder for logs and record; default .deploy/.")
]


def deploy(  # noqa: PLR0913, PLR0917 - one for each option
    environment: Environment = "prod",
    plan: Plan = None,
    dry_run: DryRun = False,
    resume: Resume = False,
    bake: Bake = None,
    only: Only = None,
    yes: Yes = None,
    despite: Despite = None,
    break_lock: BreakLock = None,
    assembly: Assembly = None,
    output: Output = None,
) -> None:
    """Deploy in waves, region after region; halts by itself, goes on with --resume."""
    from ops.deploy.command import Deployment, Options  # noqa: PLC0415

    options = Options(
        environment,
        plan,
        dry_run,
        resume,
        bake,
        tuple(only or ()),
        output.resolve() if output else None,
        assembly.resolve() if assembly else None,
        tuple(yes or ()),
        tuple(despite or ()),
        break_lock,
    )
    Deployment(console, options).deploy()
