"""A plan on a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ops.plan.document import Section, Tone, headline, sections
from ops.plan.report import Plan, Verdict

_STYLES = {Tone.DANGER: "bold red", Tone.CARE: "yellow", Tone.PLAIN: "", Tone.GOOD: "green"}
_VERDICTS = {Verdict.NOTHING: "green", Verdict.CHANGES: "yellow", Verdict.NEEDS_YES: "bold red"}


def show(console: Console, plan: Plan) -> None:
    """Prints every section, then the verdict, which is what stays in view."""
    for section in sections(plan):
        console.print(_table(section))
    console.print(headline(plan), style=_VERDICTS[plan.verdict], markup=False)


def _table(section: Section) -> Table:
    title = f"{section.title}\n[dim]{escape(section.note)}[/]" if section.note else section.title
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, title_style="bold")
    for column in section.columns:
        table.add_column(column, justify="right" if column in section.numbers else "left", overflow="fold")
    for row in section.rows:
        table.add_row(*(escape(cell) for cell in row.cells), style=_STYLES[row.tone])
    return table
