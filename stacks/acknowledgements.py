"""Findings of cdk-nag that are accepted are data: where, exactly which, and why.

Each area lists its own in ``acknowledged.py``. A finding that can be mended is mended instead.
A path is matched whole, below the stack of its area; it covers the constructs inside it too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import aws_cdk as cdk

from stacks.base import PlatformStack, Site


@dataclass(frozen=True)
class Acknowledged:
    """One accepted finding: the construct's path in its area's stack, the exact id, the reason."""

    path: str
    finding: str
    reason: str

    def exact(self, site: Site) -> tuple[str, ...]:
        """The finding's id in the stack of ``site``: with its ``{region}``, ``{account}``, ``{prefix}`` and
        the ``{home}`` region; ``{destination}`` makes one of every region, for grants across regions."""
        finding = (
            self.finding.replace("{region}", site.region)
            .replace("{home}", site.environment.home_region)
            .replace("{account}", site.account)
            .replace("{prefix}", site.names.prefix)
        )
        if "{destination}" not in finding:
            return (finding,)
        return tuple(finding.replace("{destination}", region) for region in site.environment.regions)


def acknowledge(stack: PlatformStack, entries: Iterable[Acknowledged]) -> None:
    """Applies the entries of the stack's area to those of its constructs that exist."""
    site = stack.site
    for entry in entries:
        construct = _find(stack, entry.path)
        if construct is None:
            continue
        for finding in entry.exact(site):
            cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=finding, reason=entry.reason))


def _find(stack: PlatformStack, path: str) -> cdk.CfnElement | None:
    node = stack.node
    found = None
    for part in path.split("/"):
        found = node.try_find_child(part)
        if found is None:
            return None
        node = found.node
    return found  # type: ignore[return-value]
