"""Cuts what is to be deployed into waves: a wave is of one region, and its stacks can be deployed at once.

The order comes from the graph of the assembly. Two rules are added to it: the writer region's serving stacks
come before those of other regions wherever the graph leaves the choice, and the region goes next that gains
least by waiting for the others, so that waves are few.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass

from ops.deploy.graph import Graph

Needs = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Wave:
    """Stacks of one region, in an order in which they may be deployed. ``serving`` are those whose failure
    users would notice."""

    region: str
    stacks: tuple[str, ...]
    serving: tuple[str, ...] = ()


def waves(graph: Graph, chosen: Collection[str], preference: Sequence[str]) -> list[Wave]:
    """Every stack of ``chosen`` once; what is not chosen counts as deployed.

    ``preference`` lists regions, the writer region first; others follow by their names.

    Raises:
        OperationError: stacks need each other in a circle.
    """
    needs = _needs(graph, frozenset(chosen), preference[0] if preference else "")
    regions = [*preference, *sorted({graph.stacks[name].region for name in chosen} - set(preference))]
    left = [name for name in graph.stacks if name in needs]
    made: list[Wave] = []
    while left:
        able = [each for each in regions if _closure(graph, needs, left, {each})]
        region = min(able, key=lambda each: _gain(graph, needs, left, each, regions))
        ready = _closure(graph, needs, left, {region})
        made.append(Wave(region, tuple(ready), tuple(name for name in ready if graph.serves(name))))
        left = [name for name in left if name not in ready]
    return made


def _needs(graph: Graph, chosen: Set[str], writer: str) -> dict[str, frozenset[str]]:
    """Every chosen stack that must come before each chosen one."""
    needs = {name: set(graph.ancestors[name] & chosen) for name in graph.stacks if name in chosen}
    serving = [name for name in needs if graph.serves(name)]
    first = [name for name in serving if graph.stacks[name].region == writer]
    for later in serving:
        for ahead in first:
            # Unless the writer's stack itself stands on the other, as the edge does on every region.
            if graph.stacks[later].region != writer and later not in needs[ahead]:
                _put_before(needs, ahead, later)
    return {name: frozenset(each) for name, each in needs.items()}


def _put_before(needs: dict[str, set[str]], ahead: str, later: str) -> None:
    """Keeps ``needs`` closed: what stands on ``later`` comes after ``ahead`` too."""
    added = {ahead, *needs[ahead]}
    for name, each in needs.items():
        if name == later or later in each:
            each.update(added)


def _gain(graph: Graph, needs: Needs, left: Sequence[str], region: str, regions: Sequence[str]) -> int:
    """How much more of the region could be deployed in one go once the others have done what they can."""
    others = set(_closure(graph, needs, left, set(regions) - {region}))
    after = [name for name in left if name not in others]
    return len(_closure(graph, needs, after, {region})) - len(_closure(graph, needs, left, {region}))


def _closure(graph: Graph, needs: Needs, left: Sequence[str], regions: Collection[str]) -> list[str]:
    """What can be deployed with these regions alone."""
    missing, found = set(left), list[str]()
    waiting = [name for name in left if graph.stacks[name].region in regions]
    while True:
        ready = [name for name in waiting if not needs[name] & missing]
        if not ready:
            return found
        found += ready
        missing -= set(ready)
        waiting = [name for name in waiting if name in missing]
