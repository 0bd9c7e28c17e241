"""Whether everything that was deployed serves, and if not, what does not and why."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable

from ops.errors import OperationError
from ops.local import aws, daemon, paths, state
from stacks.environment import Environment

WAIT_SECONDS = 180.0
POLL_SECONDS = 0.25

#: A service that reported a failure may still come up (its database may be late): it has this long.
FAILURE_SECONDS = 45.0


def wait(environment: Environment, say: Callable[[str], None]) -> None:
    """Waits until nothing is left in `unready`.

    Raises:
        OperationError: something does not come up; the message names each thing and its reason.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    failing_since: float | None = None
    while True:
        published = state.read(paths.STATE_FILE)
        missing = unready(environment, published)
        if not missing and edge_answers():
            return
        now = time.monotonic()
        failing = any(service.status == "failing" for service in published.services)
        failing_since = (failing_since or now) if failing else None
        given_up = failing_since is not None and now - failing_since > FAILURE_SECONDS
        if daemon.running() is None or given_up or now > deadline:
            reasons = missing or [f"the edge does not answer at {edge_url()}"]
            raise OperationError(
                "not everything serves: "
                + "; ".join(reasons)
                + " (see `richesreach status` and `richesreach logs`)"
            )
        say(missing[0] if missing else "the edge")
        time.sleep(POLL_SECONDS)


def unready(environment: Environment, published: state.State) -> list[str]:
    """One sentence for each thing that does not serve; empty when everything does."""
    found = []
    if published.local_aws.status != "running":
        found.append(
            f"the local AWS is {published.local_aws.status}: {published.local_aws.reason or 'no reason'}"
        )
    for region in environment.regions:
        found += _in_region(region, published)
    for process in published.processes:
        if process.status in {"failed", "restarting"}:
            found.append(f"{process.name} is {process.status}: {process.reason or 'no reason given'}")
    if not any(process.kind == "edge" for process in published.processes):
        found.append("the edge has not started: no distribution is deployed")
    return found


def _in_region(region: str, published: state.State) -> list[str]:
    streams = [
        f"the stream in {region} is {stream.status}: {stream.reason or 'no reason given'}"
        for stream in published.streams
        if stream.region == region and stream.status != "running"
    ]
    return streams + _services(region, published)


def _services(region: str, published: state.State) -> list[str]:
    services = [service for service in published.services if service.region == region]
    if not services:
        return [f"no service runs in {region}"]
    return [
        f"{service.name} in {region} does not start: {service.reason or f'it is {service.status}'}"
        for service in services
        if service.status != "steady" or service.healthy < service.desired
    ]


def edge_url() -> str:
    return f"http://localhost:{aws.edge_port()}"


def edge_answers() -> bool:
    """Whether a request comes all the way through the edge to a service and its stores."""
    try:
        with urllib.request.urlopen(f"{edge_url()}/health/detailed/", timeout=5) as response:  # noqa: S310
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
