"""CloudFormation takes 500 resources in a template; a fifth is kept free for what comes."""

from __future__ import annotations

from collections.abc import Iterator

from ops.plan.assembly import RESOURCE_LIMIT
from ops.plan.document import FULL
from ops.plan.regions import headroom
from ops.preflight.result import Reporter, Result
from ops.preflight.site import Site


def check(site: Site, report: Reporter) -> Iterator[Result]:
    """Every stack beyond the share that is to stay free, or the fullest one."""
    found = headroom(site.stacks.values())
    full = [each for each in found if each.share >= FULL]
    for each in full:
        yield report.failed(
            f"{each.stack} has {each.resources} of {RESOURCE_LIMIT} resources",
            "move an area of it into a stack of its own",
            each.region,
        )
    if found and not full:
        yield report.ok(f"the fullest stack, {found[0].stack}, has {found[0].resources} of {RESOURCE_LIMIT}")
