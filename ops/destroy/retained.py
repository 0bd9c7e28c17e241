"""What stays behind when a stack goes, because its policy says so."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ops.deploy.asking import asking
from ops.deploy.formation import Formation
from ops.plan.assembly import Stack
from ops.plan.stateful import KEEPING

#: What CloudFormation leaves of a resource whose policy is Snapshot.
SNAPSHOT = "last snapshot of "


@dataclass(frozen=True, order=True)
class Retained:
    """One thing that is still there, and still costs what it costs."""

    region: str
    kind: str
    identifier: str
    why: str


def of_stack(formation: Formation, stack: Stack) -> list[Retained]:
    """Read before the stack goes: afterwards nothing knows the names any more."""
    kept = {
        logical_id: str(resource["DeletionPolicy"])
        for logical_id, resource in stack.resources.items()
        if resource.get("DeletionPolicy") in KEEPING
    }
    return [
        Retained(stack.region, kind, SNAPSHOT + physical if policy == "Snapshot" else physical, policy)
        for logical_id, kind, physical in resources(formation, stack)
        if (policy := kept.get(logical_id))
    ]


def resources(
    formation: Formation, stack: Stack, states: Collection[str] = ()
) -> Iterator[tuple[str, str, str]]:
    """Logical id, type and physical id of everything in a stack, or of what is in one of these states."""
    with asking(formation.environment.name, f"what is in {stack.name} cannot be listed"):
        pages = formation.client(stack.region).get_paginator("list_stack_resources")
        for page in pages.paginate(StackName=stack.name):
            for each in page["StackResourceSummaries"]:
                status = each["ResourceStatus"]
                if status in states or (not states and status != "DELETE_COMPLETE"):
                    yield each["LogicalResourceId"], each["ResourceType"], each.get("PhysicalResourceId", "")


def by_region(found: Iterable[Retained]) -> Mapping[str, list[Retained]]:
    listed: dict[str, list[Retained]] = {}
    for each in sorted(set(found)):
        listed.setdefault(each.region, []).append(each)
    return listed
