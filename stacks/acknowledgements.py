"""Findings of the policy packs and tools that are accepted are data: where, exactly which, and why.

Each area lists its own in ``acknowledged.py``. A finding that can be mended is mended instead.
A path is matched whole, below the stack of its area; it covers the constructs inside it too.
The ids of cdk-nag's packs are applied at synth; those of the other tools are read by ``make policy``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import aws_cdk as cdk
from constructs import IConstruct, Node

from stacks.base import PlatformStack, Site
from stacks.controls import HIPAA, NIST, PCI

#: cdk-nag's packs, as ids begin with them.
PACKS = ("AwsSolutions", NIST, PCI, HIPAA)


@dataclass(frozen=True)
class Acknowledged:
    """An accepted finding: the construct's path in its area's stack, the exact id, the reason.

    A control that packs and tools name each in their own way is the ids of all of them (``controls.py``).
    What stands in no stack of prod (drills) says so: `make policy`, which judges prod, cannot find it stale.
    """

    path: str
    finding: str | tuple[str, ...]
    reason: str
    outside_prod: bool = False

    @property
    def findings(self) -> tuple[str, ...]:
        return (self.finding,) if isinstance(self.finding, str) else self.finding

    def exact(self, site: Site) -> tuple[str, ...]:
        """The ids in the stack of ``site``."""
        return tuple(each for finding in self.findings for each in exact(finding, site))


def each(finding: str | tuple[str, ...], reason: str, *paths: str) -> tuple[Acknowledged, ...]:
    """One control accepted at several constructs for one reason."""
    return tuple(Acknowledged(path, finding, reason) for path in paths)


def exact(finding: str, site: Site) -> tuple[str, ...]:
    """An id with ``{region}``, ``{account}``, ``{environment}``, ``{prefix}`` of ``site``, ``{home}`` region;
    for grants across regions ``{destination}`` makes one of every destination of the lake's replication,
    ``{reach}`` one of every region that the platform may be in."""
    finding = (
        finding.replace("{region}", site.region)
        .replace("{home}", site.environment.home_region)
        .replace("{account}", site.account)
        .replace("{prefix}", site.names.prefix)
        .replace("{environment}", site.environment.name)
    )
    across = {
        "{destination}": site.environment.lake.replication.destinations,
        "{reach}": site.environment.reach,
    }
    for placeholder, regions in across.items():
        if placeholder in finding:
            return tuple(finding.replace(placeholder, region) for region in regions)
    return (finding,)


def acknowledge(stack: PlatformStack, entries: Iterable[Acknowledged]) -> None:
    """Applies the entries of the stack's area to those of its constructs that exist."""
    accepted: dict[str, list[cdk.Acknowledgment]] = {}
    for entry in entries:
        for finding in filter(of_cdk_nag, entry.exact(stack.site)):
            acknowledgment = cdk.Acknowledgment(id=finding, reason=entry.reason)
            accepted.setdefault(entry.path, []).append(acknowledgment)
    tree = _Tree(stack)
    for path, acknowledgments in accepted.items():
        construct = tree.find(path)
        if construct is not None:
            cdk.Validations.of(construct).acknowledge(*acknowledgments)


def of_cdk_nag(finding: str) -> bool:
    """The CDK takes ids of its own validation plugins only."""
    return finding.split("::", maxsplit=1)[0] in PACKS


class _Tree:
    """A stack's constructs by path. Each look is a message to Node, and the paths of a stack's many entries
    begin alike: so no part of one is looked at twice."""

    def __init__(self, stack: PlatformStack) -> None:
        self._found: dict[str, IConstruct | None] = {}
        self._nodes: dict[str, Node | None] = {"": stack.node}

    def find(self, path: str) -> IConstruct | None:
        """The construct at ``path`` below the stack, None where there is none."""
        if path not in self._found:
            above, _, name = path.rpartition("/")
            node = self._node(above)
            self._found[path] = node.try_find_child(name) if node else None
        return self._found[path]

    def _node(self, path: str) -> Node | None:
        if path not in self._nodes:
            construct = self.find(path)
            self._nodes[path] = construct.node if construct else None
        return self._nodes[path]
