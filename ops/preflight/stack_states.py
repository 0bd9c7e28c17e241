"""No stack is stuck in a state in which CloudFormation takes no update."""

from __future__ import annotations

from collections.abc import Iterator

from ops.deploy.formation import State
from ops.preflight.result import Reporter, Result
from ops.preflight.site import Site

_RUNNING = "wait until it is done, or `aws cloudformation cancel-update-stack` it"


def check(site: Site, report: Reporter) -> Iterator[Result]:
    """Each stack of the environment that is stuck or on its way, by region."""
    prefix = f"{site.environment.names.prefix}-"
    for region in site.regions:
        pages = site.client("cloudformation", region).get_paginator("describe_stacks").paginate()
        states = [
            State(stack["StackName"], region, stack["StackStatus"])
            for page in pages
            for stack in page["Stacks"]
            if stack["StackName"].startswith(prefix)
        ]
        told = [state for state in states if mend(state)]
        for state in sorted(told, key=lambda state: state.name):
            yield report.failed(f"{state.name} is in {state.status}", mend(state), region)
        if not told:
            yield report.ok(f"{len(states)} stacks are there, each can be updated", region)


def mend(state: State) -> str:
    """What to do about a stack that takes no update now; empty for any other."""
    return state.blocked or (_RUNNING if state.busy else "")
