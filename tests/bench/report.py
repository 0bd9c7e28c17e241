"""What was measured, as JSON for programs and as a Markdown table for readers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.measure import Ratio, Summary


@dataclass(frozen=True, kw_only=True)
class Row:
    """One operation: ours beside a rival measured in the same run, or alone where there is none.

    `target` bounds the ratio; `most` and `least` bound our own figure, in its unit.
    """

    name: str
    unit: str
    ours: Summary
    rival: str | None
    theirs: Summary | None
    ratio: Ratio | None
    target: float | None
    rounds: int
    most: float | None = None
    least: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        if self.most is not None:
            return f"{'met' if self.ours.median <= self.most else 'missed'} (≤ {self.most:g} {self.unit})"
        if self.least is not None:
            return f"{'met' if self.ours.median >= self.least else 'missed'} (≥ {self.least:g} {self.unit})"
        if self.ratio is None or self.target is None:
            return "for information"
        return f"{'met' if self.ratio.median <= self.target else 'missed'} (≤ {self.target:g}x)"


HEAD = (
    "| operation | here: median (p10 to p90) | rival | rival: median (p10 to p90) "
    "| ratio (95 % interval) | target |",
    "| --- | --- | --- | --- | --- | --- |",
)


def table(rows: Sequence[Row], machine: Mapping[str, Any]) -> str:
    """The table, what it was measured on, and the phases of the rows that have them."""
    lines = [*HEAD, *(_line(row) for row in rows), ""]
    lines.append(
        f"Measured on {machine['cores']} cores ({machine['architecture']}), Python {machine['python']};"
    )
    lines.append(f"load of the machine at the end: {machine['load_average']}.")
    if isinstance(taken := machine.get("taken_by_host"), float):
        lines.append(f"The machine's host took {taken * 100:.0f} % of the processor time that was asked for.")
    for row in rows:
        if processor := row.details.get("ratio_of_processor_time"):
            ratio = _interval(Ratio(**processor))
            lines += ["", f"Processor time of the same pairs ({row.name}): {ratio}."]
        for detail in (name for name in row.details if name.startswith("ratio_to_")):
            ratio, option = _interval(Ratio(**row.details[detail])), detail.removeprefix("ratio_to_")
            lines += ["", f"To the rival with Node's {option} ({row.name}): {ratio}."]
        if phases := row.details.get("phases"):
            lines += ["", f"Phases ({row.name}):", "", "| phase | median |", "| --- | --- |"]
            lines += [f"| {phase} | {seconds:.2f} s |" for phase, seconds in phases.items()]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    cells = (
        f"{row.name} ({row.rounds} runs)",
        _spread(row.ours, row.unit),
        row.rival or "—",
        _spread(row.theirs, row.unit) if row.theirs else "—",
        _interval(row.ratio) if row.ratio else "—",
        row.verdict,
    )
    return "| " + " | ".join(cells) + " |"


def _spread(summary: Summary, unit: str) -> str:
    return f"{summary.median:.2f} {unit} ({summary.p10:.2f} to {summary.p90:.2f})"


def _interval(ratio: Ratio) -> str:
    return f"{ratio.median:.2f}x ({ratio.low:.2f} to {ratio.high:.2f})"


def write(folder: Path, rows: Sequence[Row], machine: Mapping[str, Any]) -> str:
    """Writes ``results.json`` and ``results.md`` into ``folder`` and gives the Markdown."""
    folder.mkdir(exist_ok=True)
    results = {"machine": dict(machine), "rows": [asdict(row) | {"verdict": row.verdict} for row in rows]}
    text = json.dumps(results, indent=2, ensure_ascii=False) + "\n"
    (folder / "results.json").write_text(text, encoding="utf-8")
    markdown = table(rows, machine)
    (folder / "results.md").write_text(markdown, encoding="utf-8")
    return markdown
