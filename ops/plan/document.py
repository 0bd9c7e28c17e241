"""A plan as people read it: tables, gravest first; text, Markdown and HTML print the same ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from ops.plan.access import opens_to_anyone
from ops.plan.assembly import area_of
from ops.plan.changes import Change, Effect
from ops.plan.cost import CostChange
from ops.plan.report import Plan, Verdict

#: Properties shown of one change; the JSON form has them all.
SHOWN = 4
#: How much of a value is shown: its beginning and its end.
WIDTH = 80
#: From which share of the limit a stack is named in red.
FULL = 0.8


class Tone(StrEnum):
    """How a row is to be read."""

    DANGER = "danger"
    CARE = "care"
    PLAIN = "plain"
    GOOD = "good"


@dataclass(frozen=True)
class Row:
    """Cells of one row; a Tone colours it."""

    cells: tuple[str, ...]
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True)
class Section:
    """A table with its heading; ``note`` stands below the heading, and alone where there are no rows."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Row]
    note: str = ""
    numbers: frozenset[str] = field(default_factory=frozenset)


_TONES = {
    Effect.REPLACED: Tone.CARE,
    Effect.REMOVED: Tone.CARE,
    Effect.MAY_BE_REPLACED: Tone.CARE,
    Effect.UPDATED: Tone.PLAIN,
    Effect.ADDED: Tone.GOOD,
}


def headline(plan: Plan) -> str:
    """The plan in one line."""
    if plan.verdict is Verdict.NOTHING:
        return f"{plan.environment}: nothing changes against {plan.base}"
    counted = Counter(change.effect for change in plan.changes)
    parts = ", ".join(f"{counted[effect]} {effect}" for effect in Effect if counted[effect])
    asks = ""
    if plan.verdict is Verdict.NEEDS_YES:
        reasons = []
        if plan.guarded:
            reasons.append(f"{len(plan.guarded)} resources that hold state, or that state stands in")
        if plan.widened:
            reasons.append(f"{len(plan.widened)} grants wider than before")
        asks = f"; needs a yes: {', '.join(reasons)}"
    return f"{plan.environment} against {plan.base}: {parts} in {len(plan.by_stack())} stacks{asks}"


def sections(plan: Plan) -> Iterator[Section]:
    """Every section that has something to say."""
    state = [change for change in plan.changes if change.touches_state]
    if state:
        yield Section(
            "State",
            ("region", "stack", "resource", "what happens", "what changes"),
            [_change_row(change, Tone.DANGER if change.needs_yes else Tone.CARE) for change in state],
            "Red loses data, or what data is read with, or moves the network under it, and needs a yes.",
        )
    yield from _access(plan)
    rest = [change for change in plan.changes if not change.touches_state]
    if rest:
        yield Section(
            "Changes",
            ("region", "stack", "resource", "what happens", "what changes"),
            [_change_row(change, _TONES[change.effect]) for change in rest],
        )
    yield from _cost(plan)
    yield _headroom(plan)
    yield from _drift(plan)


def _change_row(change: Change, tone: Tone) -> Row:
    effect = f"{change.effect}, kept" if change.kept and change.grave else change.effect
    return Row(
        (change.region, change.area, f"{change.construct} ({change.kind})", effect, _why(change)), tone
    )


def _why(change: Change) -> str:
    shown = [
        f"{'.'.join(each.path)}: {_cut(each.before or 'absent')} → {_cut(each.after or 'absent')}"
        for each in change.properties[:SHOWN]
    ]
    more = len(change.properties) - SHOWN
    if more > 0:
        shown.append(f"and {more} more")
    return "\n".join([change.because, *shown] if change.because else shown)


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH // 2]} … {text[-WIDTH // 2 :]}"


def _access(plan: Plan) -> Iterator[Section]:
    widened = set(plan.widened)
    rows = [
        Row(
            (
                grant.region,
                area_of(grant.stack, grant.region),
                grant.subject,
                f"{sign} {grant.words}",
            ),
            Tone.DANGER if opens_to_anyone(grant) else Tone.CARE if grant in widened else Tone.PLAIN,
        )
        for sign, grants in (("now", plan.access.added), ("no longer", plan.access.removed))
        for grant in grants
    ]
    if rows:
        # Of what is equally grave an opened port comes first: permissions come by the hundred.
        rows.sort(key=lambda row: (list(Tone).index(row.tone), not row.cells[-1].startswith("now lets in")))
        yield Section("Access", ("region", "stack", "who", "may"), rows)


def _cost(plan: Plan) -> Iterator[Section]:
    regions = sorted({cost.region for cost in plan.costs})
    rows = []
    for region in regions:
        own = [cost for cost in plan.costs if cost.region == region]
        before, after = (_total(own, side) for side in ("monthly_before", "monthly_after"))
        unknown = [cost.item for cost in own if cost.price is None]
        rows.append(
            Row(
                (region, _usd(before), _usd(after), f"{after - before:+,.2f}", ", ".join(unknown) or "none"),
                Tone.CARE if after > before else Tone.PLAIN,
            )
        )
    if rows:
        yield Section(
            "Monthly cost in USD, without traffic",
            ("region", "before", "after", "delta", "no price known for"),
            rows,
            "List prices of ops/plan/prices.yaml, which names source and date of each; 730 hours.",
            frozenset({"before", "after", "delta"}),
        )
    changed = [cost for cost in plan.costs if cost.before != cost.after]
    if changed:
        yield Section(
            "What changes in the bill",
            ("region", "item", "before", "after", "USD a month"),
            [
                Row((cost.region, cost.item, f"{cost.before:g}", f"{cost.after:g} {cost.unit}", _delta(cost)))
                for cost in changed
            ],
            numbers=frozenset({"before", "after", "USD a month"}),
        )


def _total(costs: Sequence[CostChange], side: str) -> Decimal:
    return sum((getattr(cost, side) or Decimal(0) for cost in costs), Decimal(0))


def _delta(cost: CostChange) -> str:
    return "unknown" if cost.delta is None else f"{cost.delta:+,.2f}"


def _usd(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def _headroom(plan: Plan) -> Section:
    return Section(
        "Fullest stacks",
        ("stack", "resources", "of the limit"),
        [
            Row((each.stack, str(each.resources), f"{each.share:.0%}"), _fullness(each.share))
            for each in plan.headroom[:5]
        ],
        numbers=frozenset({"resources", "of the limit"}),
    )


def _fullness(share: float) -> Tone:
    return Tone.DANGER if share >= FULL else Tone.PLAIN


def _drift(plan: Plan) -> Iterator[Section]:
    if plan.missing:
        yield Section(
            "Only in some regions",
            ("area", "resource", "in", "not in"),
            [
                Row(
                    (
                        each.area,
                        f"{each.construct} ({each.kind})",
                        ", ".join(each.present),
                        ", ".join(each.absent),
                    )
                )
                for each in plan.missing
            ],
            "Among the regions that are neither home, writer nor DNS region: these are to be alike.",
        )
    if plan.different:
        yield Section(
            "Different between regions",
            ("area", "resource", "alike are"),
            [
                Row(
                    (
                        each.area,
                        f"{each.construct} ({each.kind})",
                        " | ".join(", ".join(alike) for alike in each.variants.values()),
                    )
                )
                for each in plan.different
            ],
        )
