"""A plan as one HTML page that needs nothing beside itself: no script, no font, no request."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from jinja2 import Environment, StrictUndefined

from ops.plan.changes import Effect
from ops.plan.document import headline, sections
from ops.plan.report import Plan
from stacks.yaml_file import ROOT

_TEMPLATE = ROOT / "ops" / "plan" / "page.html.j2"


@dataclass(frozen=True)
class Bar:
    """A labelled bar: its parts' shares of the chart's width in percent, each with a CSS class."""

    label: str
    value: str
    parts: tuple[tuple[str, float, str], ...]


@dataclass(frozen=True)
class Chart:
    title: str
    bars: tuple[Bar, ...]
    legend: tuple[tuple[str, str], ...]


def write(plan: Plan) -> str:
    """The page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        plan=plan,
        headline=headline(plan),
        verdict=plan.verdict.name.lower().replace("_", "-"),
        charts=[chart for chart in (_changes(plan), _costs(plan), _headroom(plan)) if chart.bars],
        sections=list(sections(plan)),
    )


def _changes(plan: Plan) -> Chart:
    counted = {stack: Counter(change.effect for change in found) for stack, found in plan.by_stack().items()}
    most = max((each.total() for each in counted.values()), default=1)
    bars = tuple(
        Bar(
            stack,
            str(each.total()),
            tuple(
                (effect.replace(" ", "-"), 100 * each[effect] / most, f"{each[effect]} {effect}")
                for effect in Effect
                if each[effect]
            ),
        )
        for stack, each in counted.items()
    )
    legend = tuple((effect.replace(" ", "-"), effect.value) for effect in Effect)
    return Chart("Changes by stack", bars, legend)


def _costs(plan: Plan) -> Chart:
    totals: dict[str, list[Decimal]] = {}
    for cost in plan.costs:
        pair = totals.setdefault(cost.region, [Decimal(0), Decimal(0)])
        pair[0] += cost.monthly_before or 0
        pair[1] += cost.monthly_after or 0
    most = max((amount for pair in totals.values() for amount in pair), default=Decimal(1)) or Decimal(1)
    bars = tuple(
        Bar(
            f"{region}, {when}", f"{amount:,.0f} USD", ((when, float(100 * amount / most), f"{amount:,.2f}"),)
        )
        for region, pair in sorted(totals.items())
        for when, amount in zip(("before", "after"), pair, strict=True)
    )
    return Chart("Monthly cost by region, without traffic", bars, ())


def _headroom(plan: Plan) -> Chart:
    bars = tuple(
        Bar(each.stack, f"{each.resources} of 500", (("resources", 100 * each.share, str(each.resources)),))
        for each in plan.headroom[:8]
    )
    return Chart("Fullest stacks", bars, ())
