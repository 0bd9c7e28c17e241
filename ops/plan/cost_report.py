"""``richesreach cost``: what an environment costs a month by region and item, each figure with its source."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ops.plan import synthesis
from ops.plan.assembly import Stack
from ops.plan.cost import NOT_COUNTED, CostChange, compare
from ops.plan.form import CostForm
from ops.plan.linked import HOURS
from ops.plan.prices import Source
from stacks.environment import load_environment

_CENT = Decimal("0.01")


def run(console: Console, environment: str, form: CostForm) -> None:
    """Synthesises the environment and prints its cost.

    Raises:
        ConfigurationError: there is no such environment, or its file is wrong.
        OperationError: it does not synthesise.
    """
    load_environment(environment)
    lines = bill(synthesis.synthesise(environment).values())
    if form is CostForm.JSON:
        sys.stdout.write(json.dumps(document(environment, lines), indent=2) + "\n")
    else:
        show(console, environment, lines)


def bill(stacks: Iterable[Stack]) -> list[CostChange]:
    """Every item of every region, in each the dearest first; what has no price comes last."""
    lines = list(compare((), stacks))
    return sorted(
        lines, key=lambda each: (each.region, each.price is None, -(each.monthly_after or 0), each.item)
    )


def totals(lines: Iterable[CostChange]) -> dict[str, Decimal]:
    """USD a month of each region, of the items whose price is known."""
    found: dict[str, Decimal] = {}
    for line in lines:
        found[line.region] = found.get(line.region, Decimal(0)) + (line.monthly_after or 0)
    return found


def unknown(lines: Iterable[CostChange]) -> dict[str, list[str]]:
    """What of each region is in no total, for want of a price: ``2 canaries-on-cron``."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.price is None and line.after:
            found.setdefault(line.region, []).append(
                f"{line.after.normalize():,f} {line.unit} of {line.item}"
            )
    return found


def document(environment: str, lines: Sequence[CostChange]) -> dict[str, Any]:
    """The bill as JSON. Amounts are decimal strings, as a float would round them."""
    by_region = totals(lines)
    return {
        "environment": environment,
        "currency": "USD",
        "hours_a_month": int(HOURS),
        "total": str(_cents(sum(by_region.values(), Decimal(0)))),
        "regions": {region: str(_cents(amount)) for region, amount in by_region.items()},
        "items": [_item(line) for line in lines],
        "unknown": unknown(lines),
        "not_counted": list(NOT_COUNTED),
    }


def show(console: Console, environment: str, lines: Sequence[CostChange]) -> None:
    """Prints the bill as a table, its sources, and what is not in it."""
    sources = sorted({line.price.source for line in lines if line.price}, key=str)
    console.print(_table(environment, lines, {source: str(n) for n, source in enumerate(sources, start=1)}))
    for number, source in enumerate(sources, start=1):
        console.print(f"{number:>3}  {source}", markup=False, soft_wrap=True)
    for region, items in unknown(lines).items():
        console.print(f"No price known in {region}: {', '.join(items)}.", markup=False, style="yellow")
    console.print(f"Not in these figures: {'; '.join(NOT_COUNTED)}.", markup=False)


def _table(environment: str, lines: Sequence[CostChange], numbers: Mapping[Source, str]) -> Table:
    title = f"Cost of {environment} a month in USD, before anything passes through it"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in ("region", "item", "quantity", "unit", "USD a unit", "USD a month", "source"):
        numeric = column in {"quantity", "USD a unit", "USD a month", "source"}
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    by_region, lacking = totals(lines), unknown(lines)
    for region, amount in by_region.items():
        for line in (each for each in lines if each.region == region):
            table.add_row(*_cells(line, numbers))
        table.add_row(*_total(region, amount, region in lacking), style="bold", end_section=True)
    table.add_row(*_total("all", sum(by_region.values(), Decimal(0)), bool(lacking)), style="bold")
    return table


def _total(where: str, amount: Decimal, lacking: bool) -> tuple[str, ...]:
    return where, "total, at least" if lacking else "total", "", "", "", f"{_cents(amount):,}", ""


def _cells(line: CostChange, numbers: Mapping[Source, str]) -> tuple[str, ...]:
    start = (line.region, line.item, f"{line.after.normalize():,f}", line.unit)
    if line.price is None or line.monthly_after is None:
        return (*start, "unknown", "unknown", "")
    return (*start, str(line.price.usd), f"{_cents(line.monthly_after):,}", numbers[line.price.source])


def _item(line: CostChange) -> dict[str, Any]:
    price = line.price
    return {
        "region": line.region,
        "item": line.item,
        "unit": line.unit,
        "quantity": f"{line.after.normalize():f}",
        "usd_a_unit": None if price is None else str(price.usd),
        "usd_a_month": None if line.monthly_after is None else str(_cents(line.monthly_after)),
        "source": None
        if price is None
        else {
            "title": price.source.title,
            "url": price.source.url,
            "dated": price.source.dated and price.source.dated.isoformat(),
            "read": price.source.read.isoformat(),
        },
    }


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)
