"""What `make policy` prints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ops.policy.finding import Finding, Resolved, Verdict


def lines(verdicts: Sequence[Verdict], stale: Sequence[Resolved]) -> Iterator[str]:
    """Every acknowledgement by tool, id, reason and resource; then the summary; last what stands."""
    for verdict in verdicts:
        if verdict.accepted:
            yield f"{verdict.scan.tool}: acknowledged"
            yield from _accepted(verdict.accepted)
            yield ""
    yield from _summary(verdicts)
    for verdict in verdicts:
        for finding in verdict.open:
            yield f"FINDING {finding.id} at {finding.path}: {finding.description}"
    for entry in stale:
        yield (
            f"STALE {entry.finding} at {entry.entry.path} of area {entry.area}:"
            " nothing is found there any more; remove it from the area's acknowledged.py"
        )


def failed(verdicts: Sequence[Verdict], stale: Sequence[Resolved]) -> bool:
    return bool(stale) or any(verdict.open for verdict in verdicts)


def _accepted(accepted: Sequence[tuple[Finding, str]]) -> Iterator[str]:
    """Resources that share id and reason stand below it, one a line."""
    by_id: dict[tuple[str, str], list[str]] = defaultdict(list)
    for finding, reason in accepted:
        by_id[finding.id, reason].append(finding.path)
    for (identifier, reason), paths in sorted(by_id.items()):
        yield f"  {identifier}"
        yield f"    because {reason}"
        yield from (f"      {path}" for path in sorted(paths))


def _summary(verdicts: Sequence[Verdict]) -> Iterator[str]:
    rows = [("tool", "version", "rules", "looked at", "findings", "acknowledged")]
    notes = []
    for verdict in verdicts:
        scan = verdict.scan
        found, accepted = str(len(verdict.open)), str(len(verdict.accepted))
        if scan.absent:
            found = accepted = "-"
            notes.append(f"{scan.tool} did not run: {scan.absent}")
        rows.append(
            (scan.tool, scan.version, str(scan.rules), f"{scan.resources} {scan.of}", found, accepted)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield from notes
