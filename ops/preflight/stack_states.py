"""No stack is stuck in a state in which CloudFormation takes no update."""

from __future__ import annotations

from collections.abc import Iterator

from ops.preflight.result import Reporter, Result
from ops.preflight.site import Site

_DELETE = "look why, then `aws cloudformation delete-stack --region {region} --stack-name {name}`"
#: What is to be done about a stack in each state that takes no update.
_MENDS = {
    "CREATE_FAILED": _DELETE,
    "ROLLBACK_COMPLETE": _DELETE,
    "ROLLBACK_FAILED": _DELETE,
    "DELETE_FAILED": "mend what it could not delete, then delete it again",
    "UPDATE_FAILED": "`aws cloudformation rollback-stack --region {region} --stack-name {name}`",
    "UPDATE_ROLLBACK_FAILED": "mend what its events name, then"
    " `aws cloudformation continue-update-rollback --region {region} --stack-name {name}`",
}
_RUNNING = "wait until it is done, or `aws cloudformation cancel-update-stack` it"


def check(site: Site, report: Reporter) -> Iterator[Result]:
    """Each stack of the environment that is stuck or on its way, by region."""
    prefix = f"{site.environment.names.prefix}-"
    for region in site.regions:
        pages = site.client("cloudformation", region).get_paginator("describe_stacks").paginate()
        states = {
            stack["StackName"]: stack["StackStatus"]
            for page in pages
            for stack in page["Stacks"]
            if stack["StackName"].startswith(prefix)
        }
        told = [
            (name, states[name], mend)
            for name in sorted(states)
            for mend in stuck(region, name, states[name])
        ]
        for name, state, mend in told:
            yield report.failed(f"{name} is in {state}", mend, region)
        if not told:
            yield report.ok(f"{len(states)} stacks are there, each can be updated", region)


def stuck(region: str, name: str, state: str) -> Iterator[str]:
    """What to do about a stack in a state that takes no update; nothing about any other."""
    mend = _MENDS.get(state)
    if mend is None and state.endswith("_IN_PROGRESS") and state != "REVIEW_IN_PROGRESS":
        mend = _RUNNING
    if mend:
        yield mend.format(region=region, name=name)
