"""``richesreach destroy``, as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.console import console


def destroy(
    environment: Annotated[str, typer.Option("--env", help="An environment of environments/.")],
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="A region or a stack, with what stands on it there; repeatable."),
    ] = None,
    yes: Annotated[
        str | None, typer.Option("--yes", help="The environment's name once more, instead of typing it.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go; touch nothing.")] = False,
    break_lock: Annotated[
        str | None, typer.Option("--break-lock", help="The name of whoever holds the lock.")
    ] = None,
    replica_minutes: Annotated[
        float,
        typer.Option(min=0, help="How long functions with copies at the edge are tried again."),
    ] = 15,
    assembly: Annotated[
        Path | None,
        typer.Option("--assembly", help="A cdk.out that says what stands on what; else synthesised."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", help="A folder for the record.")] = None,
) -> None:
    """Take an environment down, data last; says what is retained."""
    from ops.destroy.command import Destruction, Options  # noqa: PLC0415

    options = Options(
        environment,
        tuple(only or ()),
        yes,
        dry_run,
        break_lock,
        replica_minutes,
        output.resolve() if output else None,
        assembly.resolve() if assembly else None,
    )
    Destruction(console, options).destroy()
