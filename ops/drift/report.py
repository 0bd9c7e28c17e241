"""Drift as lines of a terminal, as a comment of an issue, or as JSON; and the exit status."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from enum import IntEnum
from pathlib import Path

from rich.console import Console

from ops.drift.detection import Difference, Drifted, Judged, detect
from ops.drift.form import DriftForm
from ops.errors import OperationError
from ops.plan.markdown import LIMIT
from stacks.environment import load_environment

#: Characters of a value that are shown; policies are long.
SHOWN = 120

#: Characters kept for the line that says what is left out.
ENDING = 100

#: Under such names values may be secret: no terminal, log, file or issue holds them. Lists of containers are
#: compared whole, with all that is in them.
_SECRET = re.compile(
    r"environment|variable|secret|password|token|credential|key|header|containerdefinitions"
    r"|distributionconfig|parameters|connectionstring|url",
    re.IGNORECASE,
)


#: What stands for such a value in JSON.
MASKED = "(masked)"


class Outcome(IntEnum):
    """Exit status: as templates made it; not every stack could be judged, and no other drifted; drifted."""

    IN_SYNC = 0
    UNJUDGED = 1
    DRIFTED = 2


def run(console: Console, environment: str, form: DriftForm, output: Path | None) -> Outcome:
    """Detects, writes to ``output`` or prints, and gives the outcome.

    Raises:
        ConfigurationError: there is no such environment.
        OperationError: CloudFormation does not answer, or the file cannot be written.
    """
    judged = detect(load_environment(environment))
    written = {DriftForm.TEXT: text, DriftForm.MARKDOWN: markdown, DriftForm.JSON: as_json}[form](judged)
    if output is None:
        console.out(written, highlight=False)
        return outcome(judged)
    try:
        output.write_text(f"{written}\n", encoding="utf-8")
    except OSError as error:
        raise OperationError(f"the drift cannot be written to {output}: {error.strerror}") from None
    console.print(headline(judged), markup=False)
    return outcome(judged)


def outcome(judged: Sequence[Judged]) -> Outcome:
    if any(each.drifted for each in judged):
        return Outcome.DRIFTED
    return Outcome.UNJUDGED if any(each.unjudged for each in judged) else Outcome.IN_SYNC


def headline(judged: Sequence[Judged]) -> str:
    drifted = sum(len(each.drifted) for each in judged)
    stacks = sum(bool(each.drifted) for each in judged)
    unjudged = sum(bool(each.unjudged) for each in judged)
    told = f"{drifted} resources of {stacks} stacks drifted" if drifted else "nothing drifted"
    left = f"; {unjudged} could not be judged" if unjudged else ""
    return f"{told}, of {len(judged)} stacks{left}"


def text(judged: Sequence[Judged]) -> str:
    lines = [headline(judged)]
    for each in judged:
        if each.unjudged:
            lines.append(f"{each.stack}: not judged: {each.unjudged}")
        for resource in each.drifted:
            lines.append(f"{each.stack}: {resource.logical_id} ({resource.type}) {resource.physical_id}")
            lines.extend(f"    {path}: {change}" for path, change in _changes(resource))
    return "\n".join(lines)


def markdown(judged: Sequence[Judged]) -> str:
    """For an issue. Values stand in code spans: nothing in them is Markdown. As long as GitHub takes."""
    lines = _lines(judged)
    room = LIMIT - ENDING
    kept = list(
        itertools.takewhile(lambda n: n <= room, itertools.accumulate(len(line) + 1 for line in lines))
    )
    if len(kept) == len(lines):
        return "\n".join(lines)
    left = f"{len(lines) - len(kept)} more lines; `richesreach drift` shows them."
    return "\n".join([*lines[: len(kept)], "", left])


def _lines(judged: Sequence[Judged]) -> list[str]:
    parts = [f"### {headline(judged)}"]
    rows = [
        f"| `{each.stack}` | `{resource.logical_id}`<br>{resource.type} | {_code(path)} | {_code(change)} |"
        for each in judged
        for resource in each.drifted
        for path, change in _changes(resource)
    ]
    if rows:
        parts += ["", "| stack | resource | property | template → now |", "| --- | --- | --- | --- |", *rows]
        parts += [
            "",
            "Put it back by hand, or write the change into the repository and deploy: a deployment alone"
            " leaves a property that the template does not change.",
        ]
    for each in judged:
        if each.unjudged:
            parts += ["", f"`{each.stack}` could not be judged: {_code(each.unjudged)}"]
    return parts


def as_json(judged: Sequence[Judged]) -> str:
    whole = {
        "headline": headline(judged),
        "exit_status": int(outcome(judged)),
        "stacks": [dataclasses.asdict(_masked(each)) for each in judged],
    }
    return json.dumps(whole, indent=2)


def _masked(judged: Judged) -> Judged:
    """Without the values that may be secret."""

    def mask(each: Difference) -> Difference:
        hidden = _SECRET.search(each.path)
        return dataclasses.replace(each, expected=MASKED, actual=MASKED) if hidden else each

    drifted = (
        dataclasses.replace(each, differences=tuple(map(mask, each.differences))) for each in judged.drifted
    )
    return dataclasses.replace(judged, drifted=tuple(drifted))


def _changes(resource: Drifted) -> Iterator[tuple[str, str]]:
    """Property, and template → now, or that it changed where that may be secret; one line where the resource
    is gone."""
    if resource.deleted:
        yield "", "was deleted"
    for each in resource.differences:
        yield each.path, "changed" if _SECRET.search(each.path) else _change(each)


def _change(difference: Difference) -> str:
    expected, actual = (
        value if len(value) <= SHOWN else f"{value[:SHOWN]}…"
        for value in (difference.expected or "nothing", difference.actual or "nothing")
    )
    return f"{expected} → {actual}"


def _code(value: str) -> str:
    """A code span in a table's cell."""
    plain = " ".join(value.replace("`", "'").replace("|", "\\|").split())
    return f"`{plain}`" if plain else ""
