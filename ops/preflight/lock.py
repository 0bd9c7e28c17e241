"""What holds state is as the lock says."""

from __future__ import annotations

from collections.abc import Iterator

from ops.preflight.result import Reporter, Result
from ops.preflight.site import Site
from ops.stateful_lock import document
from ops.stateful_lock.comparison import entries, findings


def check(site: Site, report: Reporter) -> Iterator[Result]:
    """Each resource that would be lost, or is not locked, where the environment protects what it holds."""
    name = site.environment.name
    if not site.environment.protect and name not in document.locked_environments():
        yield report.ok(f"nothing of {name} is protected, so nothing is locked")
        return
    found = findings(document.read(name).resources, entries(site.stacks.values()))
    for each in found:
        yield report.failed(str(each), each.mend)
    if not found:
        yield report.ok("everything that holds state is as it is locked")
