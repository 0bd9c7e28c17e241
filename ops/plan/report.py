"""What a plan found, joined: the order in which people must read it, and the exit status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from ops.plan import access, changes, regions
from ops.plan.access import AccessChange, Grant
from ops.plan.assembly import Stack
from ops.plan.changes import Change, Effect
from ops.plan.cost import CostChange, compare
from ops.plan.fingerprint import Fingerprint, fingerprint
from ops.plan.regions import Difference, Drift, Headroom
from stacks.environment import Environment

_GRAVITY = {effect: number for number, effect in enumerate(Effect)}


class Verdict(IntEnum):
    """Exit status of ``richesreach plan``; 1 is an error."""

    NOTHING = 0
    CHANGES = 2
    NEEDS_YES = 3


@dataclass(frozen=True)
class Plan:
    """``base`` says in words what the environment is compared with."""

    environment: str
    base: str
    changes: tuple[Change, ...]
    access: AccessChange
    costs: tuple[CostChange, ...]
    headroom: tuple[Headroom, ...]
    missing: tuple[Drift, ...]
    different: tuple[Difference, ...]
    fingerprint: Fingerprint

    @property
    def guarded(self) -> tuple[Change, ...]:
        """What is stateful, or what state stands in, and would be lost or made anew."""
        return tuple(change for change in self.changes if change.needs_yes)

    @property
    def widened(self) -> tuple[Grant, ...]:
        return self.access.widened

    @property
    def verdict(self) -> Verdict:
        if not self.changes:
            return Verdict.NOTHING
        return Verdict.NEEDS_YES if self.guarded or self.widened else Verdict.CHANGES

    def by_stack(self) -> dict[str, list[Change]]:
        """Changes of each stack, gravest first."""
        found: dict[str, list[Change]] = {}
        for change in self.changes:
            found.setdefault(change.stack, []).append(change)
        return found


def plan(
    environment: Environment, base: str, before: Mapping[str, Stack], after: Mapping[str, Stack]
) -> Plan:
    """Compares two states of an environment.

    A stack that ``after`` lacks is removed with everything in it.
    """
    found = [
        change
        for name in sorted(before.keys() | after.keys())
        for change in changes.between(before.get(name), after.get(name))
    ]
    found.sort(
        key=lambda each: (
            not each.needs_yes,
            not each.touches_state,
            _GRAVITY[each.effect],
            each.region,
            each.stack,
            each.logical_id,
        )
    )
    special = {environment.home_region, environment.writer_region, environment.dns_region}
    missing, different = regions.drift(after.values(), special)
    return Plan(
        environment=environment.name,
        base=base,
        changes=tuple(found),
        access=access.between(before.values(), after.values()),
        costs=tuple(compare(before.values(), after.values())),
        headroom=tuple(regions.headroom(after.values())),
        missing=tuple(missing),
        different=tuple(different),
        fingerprint=fingerprint(before, after),
    )
