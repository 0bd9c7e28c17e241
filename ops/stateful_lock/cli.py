"""``richesreach lock``: what holds state is lost by a decision, or not at all.

Exit status of ``check``: 0 as locked, 1 error, 2 usage, 3 something locked would be lost or is not locked.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ops.plan.form import CostForm as Form

if TYPE_CHECKING:
    from ops.stateful_lock.comparison import Finding
    from ops.stateful_lock.document import Entry

LOST = 3

console = Console(highlight=False, soft_wrap=True)
app = typer.Typer(
    no_args_is_help=True, help="Keeps the lock of what holds state: databases, lakes, keys, secrets."
)

Environment = Annotated[
    str | None, typer.Option("--env", help="An environment; without, every one that is locked.")
]


@app.command()
def check(
    environment: Environment = None,
    base: Annotated[
        str | None,
        typer.Option("--base", help="A git revision; also find what changed in the lock without a reason."),
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="How findings are written.")] = Form.TEXT,
) -> None:
    """Find what a deployment would remove or replace, or what is not locked; exit 3 when it finds any."""
    from ops.stateful_lock import command  # noqa: PLC0415

    found = {name: command.check(name, base) for name in command.chosen(environment, base)}
    if form is Form.JSON:
        listed = [
            {"environment": name, "mend": each.mend, **dataclasses.asdict(each)}
            for name, findings in found.items()
            for each in findings
        ]
        sys.stdout.write(json.dumps(listed, indent=2) + "\n")
    else:
        for name, findings in found.items():
            _show(name, findings)
    raise typer.Exit(LOST if any(found.values()) else 0)


@app.command()
def accept(
    ids: Annotated[list[str], typer.Argument(help="<stack>/<logical id>, as `richesreach lock check` says.")],
    why: Annotated[str, typer.Option("--why", help="What becomes of the data; kept in the lock.")],
    environment: Environment = None,
    by: Annotated[str | None, typer.Option("--by", help="Who decided; default: git's user.name.")] = None,
) -> None:
    """Record that a change of these resources, and of no other, is meant."""
    from ops.stateful_lock import command  # noqa: PLC0415
    from ops.stateful_lock.acceptance import Reason, author  # noqa: PLC0415

    reason = Reason(why, author() if by is None else by, datetime.datetime.now(datetime.UTC).date())
    name, left = command.accept(environment, ids, reason)
    console.print(f"{name}: {len(set(ids))} accepted; commit stateful.lock with the change", markup=False)
    if left:
        _show(name, left)


@app.command()
def add(environment: Environment = None) -> None:
    """Lock what is new; what would be lost stays as it is locked."""
    from ops.stateful_lock import command  # noqa: PLC0415

    for name in command.chosen(environment):
        added, left = command.add(name)
        for each, entry in added.items():
            console.print(_added(each, entry), markup=False)
        console.print(f"{name}: {len(added)} locked", markup=False)
        if left:
            _show(name, left)


def _added(name: str, entry: Entry) -> str:
    return f"  {name} ({f'{entry.type} {entry.name}'.rstrip()})"


def _show(environment: str, findings: list[Finding]) -> None:
    if not findings:
        console.print(f"{environment}: as locked", style="green")
        return
    for each in findings:
        console.print(f"{each}", style="red", markup=False)
        console.print(f"    {each.mend}", markup=False)
    console.print(f"{environment}: {len(findings)} to settle", style="bold red")
