"""A plan as a comment of a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from ops.plan.document import Section, Tone, headline, sections
from ops.plan.report import Plan, Verdict

_SIGNS = {Tone.DANGER: "🟥 ", Tone.CARE: "🟨 ", Tone.PLAIN: "", Tone.GOOD: "🟩 "}
_VERDICTS = {Verdict.NOTHING: "✅", Verdict.CHANGES: "🟨", Verdict.NEEDS_YES: "🟥"}

#: GitHub refuses a comment of more than 65,536 characters.
LIMIT = 65_000
#: Sections with more rows are folded.
FOLDED = 10


def write(plan: Plan) -> str:
    """The sections in order; what no longer fits into a comment is named, not cut in the middle."""
    parts = [f"### {_VERDICTS[plan.verdict]} {_safe(headline(plan))}\n"]
    left: list[str] = []
    for section in sections(plan):
        text = "\n".join(_section(section))
        if sum(map(len, parts)) + len(text) > LIMIT:
            left.append(f"{section.title} ({len(section.rows)} rows)")
        else:
            parts.append(text)
    if left:
        parts.append(f"\nToo long for a comment, see the HTML report: {', '.join(left)}.\n")
    return "\n".join(parts)


def _section(section: Section) -> Iterator[str]:
    folded = len(section.rows) > FOLDED
    title = f"{section.title} ({len(section.rows)})"
    yield f"<details><summary>{title}</summary>\n" if folded else f"#### {section.title}\n"
    if section.note:
        yield f"{_safe(section.note)}\n"
    yield "| " + " | ".join(section.columns) + " |"
    yield "| " + " | ".join("---:" if name in section.numbers else "---" for name in section.columns) + " |"
    for row in section.rows:
        first, *rest = (_safe(cell) for cell in row.cells)
        yield "| " + " | ".join([f"{_SIGNS[row.tone]}{first}", *rest]) + " |"
    yield "\n</details>\n" if folded else ""


def _safe(text: str) -> str:
    """Text that Markdown and the HTML in it leave as it is."""
    for sign, entity in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("|", "\\|"),
        ("*", "\\*"),
        ("_", "\\_"),
    ):
        text = text.replace(sign, entity)
    return text.replace("\n", "<br>")
