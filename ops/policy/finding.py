"""What a tool reports, in one shape for all tools, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stacks.acknowledgements import Acknowledged, exact
from stacks.base import Site
from stacks.environment import Environment

#: An area's entries, by area: what stacks/accepted.py holds.
Entries = Iterable[tuple[str, Acknowledged]]


@dataclass(frozen=True, order=True)
class Finding:
    """``id`` begins with the tool's or pack's name and ``::``; ``path`` is the construct's, stack first."""

    id: str
    path: str
    description: str = field(default="", compare=False)


@dataclass(frozen=True)
class Scan:
    """What one tool or pack did. ``resources`` counts what it looked at, in the words of ``of``."""

    tool: str
    version: str
    rules: int
    resources: int
    findings: Sequence[Finding] = ()
    of: str = "resources"
    accepted: Sequence[tuple[Finding, str]] = ()
    absent: str = ""


@dataclass(frozen=True)
class Verdict:
    """A scan, judged: findings that stand, and those that are accepted with the reason of each."""

    scan: Scan
    open: list[Finding]
    accepted: list[tuple[Finding, str]]


def resolve(entries: Entries, environment: Environment, account: str) -> list[Resolved]:
    """Each id of each entry, with what it means in every region of the environment."""
    regions = dict.fromkeys([*environment.regions, environment.dns_region])
    return [
        Resolved(
            area=area,
            entry=entry,
            finding=finding,
            places=frozenset(
                (each, f"{environment.names.stack(region, area)}/{entry.path}")
                for region in regions
                for each in exact(finding, Site(environment, account, region))
            ),
        )
        for area, entry in entries
        for finding in entry.findings
    ]


@dataclass(frozen=True)
class Resolved:
    """One id of an entry; ``places`` are the pairs of exact id and construct path that it accepts."""

    area: str
    entry: Acknowledged
    finding: str
    places: frozenset[tuple[str, str]]

    def covers(self, finding: Finding) -> bool:
        return any(
            finding.id == name and (finding.path == path or finding.path.startswith(f"{path}/"))
            for name, path in self.places
        )


def judge(scans: Sequence[Scan], resolved: Sequence[Resolved]) -> tuple[list[Verdict], list[Resolved]]:
    """The verdict on each scan, and the ids that accept nothing any more.

    An id is called stale only when its tool ran.
    """
    used: set[int] = set()
    verdicts = []
    for scan in scans:
        verdict = Verdict(scan, [], list(scan.accepted))
        for finding in sorted(set(scan.findings)):
            matching = [number for number, entry in enumerate(resolved) if entry.covers(finding)]
            used.update(matching)
            if matching:
                verdict.accepted.append((finding, resolved[matching[0]].entry.reason))
            else:
                verdict.open.append(finding)
        verdicts.append(verdict)
    ran = {scan.tool for scan in scans if not scan.absent}
    stale = [
        entry
        for number, entry in enumerate(resolved)
        if number not in used and entry.finding.split("::", maxsplit=1)[0] in ran
    ]
    return verdicts, stale
