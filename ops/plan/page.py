"""A plan as one HTML page that needs nothing beside itself: no script, no font, no request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from jinja2 import Environment, StrictUndefined

from ops.plan.assembly import RESOURCE_LIMIT, area_of
from ops.plan.changes import Effect
from ops.plan.document import Section, Tone, headline, sections
from ops.plan.report import Plan
from stacks.yaml_file import ROOT

_TEMPLATE = ROOT / "ops" / "plan" / "page.html.j2"


#: Rows of a table that are seen at once, unless more are red; the others unfold.
ROWS = 8

#: Sections that stand above the charts: what must be read.
FIRST = frozenset({"State", "Access"})

#: Columns that are never broken, and those that a row's tone colours.
_SHORT = frozenset({"region", "stack", "area", "resources", "of the limit"})
_TOLD = frozenset({"what happens", "may", "delta", "of the limit", "USD a month"})


@dataclass(frozen=True)
class Bar:
    """A labelled bar: its parts' shares of the chart's width in percent, each with a CSS class. ``place`` is
    where it stands, in a lighter tone behind the label."""

    label: str
    place: str
    value: str
    parts: tuple[tuple[str, float, str], ...]


@dataclass(frozen=True)
class Figure:
    """A number that sums the plan up."""

    label: str
    value: str
    tone: Tone


@dataclass(frozen=True)
class Chart:
    title: str
    bars: tuple[Bar, ...]
    legend: tuple[tuple[str, str], ...]


def write(plan: Plan) -> str:
    """The page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    found = list(sections(plan))
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        plan=plan,
        headline=headline(plan),
        verdict=plan.verdict.name.lower().replace("_", "-"),
        figures=list(_figures(plan)),
        charts=[chart for chart in (_changes(plan), _costs(plan), _headroom(plan)) if chart.bars],
        first=[section for section in found if section.title in FIRST],
        rest=[section for section in found if section.title not in FIRST],
        seen=_seen,
        classes=_classes,
    )


def _seen(section: Section) -> int:
    """Rows come gravest first; none in red is ever folded away."""
    return max(ROWS, sum(row.tone is Tone.DANGER for row in section.rows))


def _classes(section: Section, column: str) -> str:
    named = {"number": section.numbers, "short": _SHORT, "told": _TOLD}
    return " ".join(name for name, columns in named.items() if column in columns)


def _figures(plan: Plan) -> Iterator[Figure]:
    counted = Counter(change.effect for change in plan.changes)
    grave = sum(counted[effect] for effect in (Effect.REPLACED, Effect.REMOVED, Effect.MAY_BE_REPLACED))
    before, after = (
        sum((getattr(cost, side) or Decimal(0) for cost in plan.costs), Decimal(0))
        for side in ("monthly_before", "monthly_after")
    )
    yield Figure("state lost or moved", str(len(plan.guarded)), Tone.DANGER if plan.guarded else Tone.GOOD)
    yield Figure("grants wider", str(len(plan.widened)), Tone.CARE if plan.widened else Tone.GOOD)
    yield Figure("replaced or removed", str(grave), Tone.CARE if grave else Tone.PLAIN)
    yield Figure("updated", str(counted[Effect.UPDATED]), Tone.PLAIN)
    yield Figure("added", str(counted[Effect.ADDED]), Tone.PLAIN)
    yield Figure("USD a month", f"{after - before:+,.0f}", Tone.CARE if after > before else Tone.PLAIN)


def _changes(plan: Plan) -> Chart:
    found = plan.by_stack()
    counted = {stack: Counter(change.effect for change in changes) for stack, changes in found.items()}
    most = max((each.total() for each in counted.values()), default=1)
    bars = tuple(
        Bar(
            found[stack][0].area,
            found[stack][0].region,
            str(each.total()),
            tuple(
                (effect.replace(" ", "-"), 100 * each[effect] / most, f"{each[effect]} {effect}")
                for effect in Effect
                if each[effect]
            ),
        )
        for stack, each in counted.items()
    )
    seen = {effect for each in counted.values() for effect in each}
    legend = tuple((effect.replace(" ", "-"), effect.value) for effect in Effect if effect in seen)
    return Chart("Changes by stack", bars, legend)


def _costs(plan: Plan) -> Chart:
    totals: dict[str, list[Decimal]] = {}
    for cost in plan.costs:
        pair = totals.setdefault(cost.region, [Decimal(0), Decimal(0)])
        pair[0] += cost.monthly_before or 0
        pair[1] += cost.monthly_after or 0
    most = max((amount for pair in totals.values() for amount in pair), default=Decimal(1)) or Decimal(1)
    bars = tuple(
        Bar(region, when, f"{amount:,.0f} USD", ((when, float(100 * amount / most), f"{amount:,.2f}"),))
        for region, pair in sorted(totals.items())
        for when, amount in zip(("before", "after"), pair, strict=True)
    )
    return Chart("Monthly cost by region, without traffic", bars, ())


def _headroom(plan: Plan) -> Chart:
    bars = tuple(
        Bar(
            area_of(each.stack, each.region),
            each.region,
            f"{each.resources} of {RESOURCE_LIMIT}",
            (("resources", 100 * each.share, str(each.resources)),),
        )
        for each in plan.headroom[:8]
    )
    return Chart("Fullest stacks", bars, ())
