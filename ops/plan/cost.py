"""What the resources of an environment cost a month before anything passes through them, by region.

Quantities are of what is there all the time: hours of gateways, tasks, capacity units, nodes; pieces of keys,
secrets, alarms. Traffic, requests and stored bytes are not in a template, and so not in these figures.
Prices come from ``prices.yaml``, each with its source and date; what has no price there is unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import yaml

from ops.plan.assembly import Stack
from stacks.yaml_file import ROOT

PRICES = ROOT / "ops" / "plan" / "prices.yaml"

#: Hours of a month as AWS's own calculator counts them.
HOURS = Decimal(730)
#: What costs nothing while it is idle, or nothing at all: not counted, and not unknown either.
GLOBAL = "global"


@dataclass(frozen=True)
class Price:
    """USD for one unit, with where and when it was read."""

    usd: Decimal
    source: str
    read: str


@dataclass(frozen=True)
class CostChange:
    """An item of a region's monthly bill. ``monthly`` values are USD, None where no price is known."""

    region: str
    item: str
    unit: str
    before: Decimal
    after: Decimal
    price: Price | None

    @property
    def monthly_before(self) -> Decimal | None:
        return None if self.price is None else self.before * self.price.usd

    @property
    def monthly_after(self) -> Decimal | None:
        return None if self.price is None else self.after * self.price.usd

    @property
    def delta(self) -> Decimal | None:
        return None if self.price is None else (self.after - self.before) * self.price.usd


@cache
def prices() -> Mapping[str, Any]:
    return dict(yaml.safe_load(PRICES.read_text(encoding="utf-8")))


def price(item: str, region: str) -> Price | None:
    """The price of one unit in a region; a global item has one for all."""
    entry = prices()["items"].get(item, {})
    found = entry.get("usd", {})
    place = GLOBAL if GLOBAL in found else region
    if place not in found:
        return None
    source = prices()["sources"][entry["source"]]
    return Price(Decimal(str(found[place])), source["title"], str(source["read"]))


def compare(before: Iterable[Stack], after: Iterable[Stack]) -> Iterator[CostChange]:
    """Every item that either side has, by region."""
    old, new = quantities(before), quantities(after)
    for region, item in sorted(old.keys() | new.keys()):
        yield CostChange(
            region=region,
            item=item,
            unit=str(prices()["items"].get(item, {}).get("unit", "")),
            before=old[region, item],
            after=new[region, item],
            price=price(item, region),
        )


def quantities(stacks: Iterable[Stack]) -> defaultdict[tuple[str, str], Decimal]:
    """Units a month of each (region, item)."""
    total: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for stack in stacks:
        for resource in stack.resources.values():
            for item, units in _items(resource["Type"], resource.get("Properties", {}), stack):
                total[stack.region, item] += units
    return total


def _items(kind: str, properties: Mapping[str, Any], stack: Stack) -> Iterator[tuple[str, Decimal]]:
    for rule in prices()["resources"].get(kind, ()):
        yield str(rule["item"]), _units(rule, properties) * (HOURS if rule.get("hourly") else 1)
    if kind == "AWS::ECS::Service":
        yield from _tasks(properties, stack)


def _units(rule: Mapping[str, Any], properties: Mapping[str, Any]) -> Decimal:
    """One, or what the rule's path into the properties holds; a list counts its elements."""
    units = Decimal(1)
    for path in rule.get("times", ()):
        value: Any = properties
        for key in path.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, list):
            units *= len(value)
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            units *= Decimal(str(value))
    return units


def _tasks(service: Mapping[str, Any], stack: Stack) -> Iterator[tuple[str, Decimal]]:
    """A service's desired tasks at the size of its task definition, as Fargate bills them on demand."""
    reference = service.get("TaskDefinition")
    definition = stack.resources.get(reference.get("Ref", ""), {}) if isinstance(reference, Mapping) else {}
    properties = definition.get("Properties", {})
    platform = properties.get("RuntimePlatform", {}).get("CpuArchitecture", "X86_64")
    tasks = Decimal(service.get("DesiredCount", 1)) * HOURS
    machine = "arm" if platform == "ARM64" else "x86"
    yield f"fargate-vcpu-{machine}", tasks * Decimal(properties.get("Cpu", 256)) / 1024
    yield f"fargate-gb-{machine}", tasks * Decimal(properties.get("Memory", 512)) / 1024
