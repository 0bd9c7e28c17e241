"""How far the regions of an environment differ from each other, and how full each stack is."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ops.plan.assembly import RESOURCE_LIMIT, Stack, area_of

#: Names that CloudFormation or the CDK derive from contents: they differ where anything above them does.
_DERIVED = re.compile(r"[0-9a-f]{64}(\.\w+)?|(?<=\w)[0-9A-F]{8}\b")


@dataclass(frozen=True)
class Headroom:
    """How many of the resources that CloudFormation allows a stack has."""

    stack: str
    region: str
    resources: int

    @property
    def share(self) -> float:
        return self.resources / RESOURCE_LIMIT


@dataclass(frozen=True)
class Drift:
    """A resource of an area that not every region has, by construct: where it stands and where it lacks."""

    area: str
    construct: str
    kind: str
    present: tuple[str, ...]
    absent: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """A construct that every region has, with properties that differ beyond the region's own name and
    addresses; ``variants`` groups the regions that are alike."""

    area: str
    construct: str
    kind: str
    variants: Mapping[str, tuple[str, ...]]


def headroom(stacks: Iterable[Stack]) -> list[Headroom]:
    """Fullest first."""
    found = [Headroom(stack.name, stack.region, len(stack.resources)) for stack in stacks]
    return sorted(found, key=lambda each: (-each.resources, each.stack))


def drift(stacks: Iterable[Stack], special: Collection[str]) -> tuple[list[Drift], list[Difference]]:
    """Compares regions area by area. Those of ``special`` (home, writer, DNS) have resources of their own by
    design, so that only the others must be alike."""
    areas: dict[str, dict[str, Stack]] = defaultdict(dict)
    for stack in stacks:
        if stack.region not in special:
            areas[area_of(stack.name, stack.region)][stack.region] = stack
    missing: list[Drift] = []
    different: list[Difference] = []
    for area, by_region in sorted(areas.items()):
        if len(by_region) > 1:
            _compare(area, by_region, missing, different)
    return missing, different


def _compare(
    area: str, by_region: Mapping[str, Stack], missing: list[Drift], different: list[Difference]
) -> None:
    regions = sorted(by_region)
    shapes: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for region, stack in by_region.items():
        for logical_id, resource in stack.resources.items():
            path = str(resource.get("Metadata", {}).get("aws:cdk:path", logical_id))
            construct = _neutral(path.removeprefix(f"{stack.name}/").removesuffix("/Resource"), regions)
            shapes[construct, resource["Type"]][region] = _shape(resource, regions)
    for (construct, kind), found in sorted(shapes.items()):
        absent = tuple(region for region in regions if region not in found)
        if absent:
            missing.append(Drift(area, construct, kind, tuple(sorted(found)), absent))
            continue
        variants: dict[str, list[str]] = defaultdict(list)
        for region, shape in sorted(found.items()):
            variants[shape].append(region)
        if len(variants) > 1:
            listed = {str(number): tuple(each) for number, each in enumerate(variants.values(), start=1)}
            different.append(Difference(area, construct, kind, listed))


def _shape(resource: Mapping[str, Any], regions: Iterable[str]) -> str:
    return _neutral(json.dumps(resource.get("Properties", {}), sort_keys=True), regions)


def _neutral(text: str, regions: Iterable[str]) -> str:
    """The same text in every region that is built alike."""
    for region in regions:
        text = text.replace(region, "<region>").replace(region.replace("-", ""), "<region>")
    return _DERIVED.sub("<derived>", re.sub(r"10\.\d+\.\d+\.\d+", "<address>", text))
