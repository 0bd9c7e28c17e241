"""How many units a month of each item of the price table the resources of an environment are billed for.

Counted is what is there all the time: hours of gateways, tasks, capacity units and nodes; pieces of keys,
secrets and alarms. Most types are counted by a rule of ``prices.yaml``; those whose size stands in another
resource are counted by ``ops.plan.linked``. A type that neither knows, nor is listed as idle, is counted as
itself, so that it shows up as unknown and is not forgotten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from ops.plan.assembly import Stack
from ops.plan.linked import HOURS, LINKED, Estate, Usage
from ops.plan.prices import table


def quantities(stacks: Iterable[Stack]) -> defaultdict[tuple[str, str], Decimal]:
    """Units a month of each (region, item)."""
    total: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    estate = Estate(tuple(stacks))
    for stack in estate.stacks:
        for resource in stack.resources.values():
            for usage in _usages(resource["Type"], resource.get("Properties", {}), stack, estate):
                total[usage.region, usage.item] += usage.units
    return total


def _usages(kind: str, properties: Mapping[str, Any], stack: Stack, estate: Estate) -> Iterator[Usage]:
    rules = table()["resources"].get(kind, ())
    for rule in rules:
        if all(_at(properties, path) == value for path, value in rule.get("when", {}).items()):
            hours = HOURS if rule.get("hourly") else Decimal(1)
            yield Usage(stack.region, str(rule["item"]), _units(rule, properties) * hours)
    if kind in LINKED:
        yield from LINKED[kind](properties, stack, estate)
    elif not rules and kind not in table()["idle"] and not kind.startswith("Custom::"):
        yield Usage(stack.region, kind, Decimal(1))


def _units(rule: Mapping[str, Any], properties: Mapping[str, Any]) -> Decimal:
    """One, times what stands at each path of the rule; a list counts its elements."""
    units = Decimal(1)
    for path in rule.get("times", ()):
        value = _at(properties, path)
        units *= len(value) if isinstance(value, list) else Decimal(str(value))
    return units


def _at(properties: Mapping[str, Any], path: str) -> Any:
    value: Any = properties
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
