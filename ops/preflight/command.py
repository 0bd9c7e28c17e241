"""``richesreach preflight``: synthesise, check, print. Exit status 1 when a check failed."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections import Counter

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ops.plan import synthesis
from ops.plan.form import CostForm as Form
from ops.preflight import engine
from ops.preflight.credentials import caller
from ops.preflight.result import Result, Verdict, failures
from stacks.environment import load_environment

_STYLES = {Verdict.OK: "green", Verdict.FAILED: "bold red", Verdict.UNKNOWN: "yellow"}


def run(console: Console, environment: str, form: Form) -> int:
    """Prints what the checks say, and gives the exit status.

    Raises:
        ConfigurationError: there is no such environment, or its file is wrong.
        OperationError: it does not synthesise, or the credentials are not usable.
    """
    load_environment(environment)
    owner = caller(environment)
    results = engine.run(environment, synthesis.synthesise(environment, owner, policy=False))
    if form is Form.JSON:
        listed = [dataclasses.asdict(each) for each in results]
        sys.stdout.write(json.dumps(listed, indent=2) + "\n")
    else:
        _show(console, environment, results)
    return 1 if failures(results) else 0


def _show(console: Console, environment: str, results: list[Result]) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("check", "where", "verdict", "what was found, and what to do"):
        table.add_column(column, overflow="fold", no_wrap=column != "what was found, and what to do")
    for each in results:
        said = escape(each.said) + (f"\n[dim]→ {escape(each.mend)}[/]" if each.mend else "")
        style = _STYLES[each.verdict]
        table.add_row(each.check, each.scope, f"[{style}]{each.verdict}[/]", said)
    console.print(table)
    counted = Counter(each.verdict for each in results)
    worst = next(verdict for verdict in (Verdict.FAILED, Verdict.UNKNOWN, Verdict.OK) if counted[verdict])
    words = ", ".join(f"{counted[verdict]} {verdict}" for verdict in Verdict if counted[verdict])
    console.print(f"{environment}: {words}", style=_STYLES[worst], markup=False)
