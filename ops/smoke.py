"""``richesreach smoke``: asks what viewers ask, and of every region whether it serves.

It knows nothing but what the edge published: where viewers come in, and which health check watches a region.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from ops import account
from ops.account import LOCAL
from ops.errors import OperationError
from ops.local.readiness import edge_url
from stacks.environment import Environment, load_environment
from stacks.naming import regional_origin

#: Route 53 takes a region for healthy while more than this share of its checkers does ("How Route 53
#: determines whether a health check is healthy", developer guide).
HEALTHY_SHARE = 0.18

#: Seconds for one answer, and between two rounds.
ANSWER = 10
PAUSE = 3.0

#: Paths that the edge keeps to itself.
CLOSED = ("/metrics/", "/internal/x")


@dataclass(frozen=True)
class Answer:
    """What a viewer got; ``status`` 0 is no answer at all, with the reason in ``body``."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, Any]:
        try:
            parsed = json.loads(self.body)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}


@dataclass(frozen=True)
class Finding:
    """One check: where, what, whether it went well, and what was seen."""

    where: str
    what: str
    well: bool
    seen: str


def run(console: Console, name: str, wait: float) -> int:
    """Checks until everything went well or ``wait`` seconds are over; 0 when it did, else 1.

    Raises:
        ConfigurationError: there is no such environment.
        OperationError: the edge published nothing: it is not deployed, or the credentials do not reach it.
    """
    environment = load_environment(name)
    url = address(environment)
    console.print(f"viewers of {name} come in at {url}", markup=False)
    deadline = time.monotonic() + wait
    while True:
        findings = [*through_the_edge(environment, url), *outside_in(environment)]
        if all(each.well for each in findings) or time.monotonic() >= deadline:
            break
        time.sleep(PAUSE)
    for each in findings:
        mark, colour = ("ok", "green") if each.well else ("FAILED", "red")
        console.print(f"{mark:6} {each.where:16} {each.what:24} {each.seen}", style=colour, markup=False)
    failed = sum(not each.well for each in findings)
    console.print(f"{len(findings) - failed} of {len(findings)} checks went well", markup=False)
    return 1 if failed else 0


def address(environment: Environment) -> str:
    """Where viewers come in: the site's name where it has a certificate, else the distribution's own."""
    published = _parameter(environment, "distribution-domain")
    if environment.name == LOCAL:
        return edge_url()
    return f"https://{environment.domain if environment.edge.certificate else published}"


def through_the_edge(environment: Environment, url: str) -> Iterator[Finding]:
    """As viewers see it. The local edge takes a viewer's place from a header, so that each region is asked;
    on AWS it is the one nearest to where this runs."""
    places = list(environment.regions) if environment.name == LOCAL else [""]
    for place in places:
        health = get(f"{url}/health/detailed/", place)
        yield _healthy(health, place)
        yield _served(get(f"{url}/api/status/services", place), place)
    for path in CLOSED:
        answer = get(f"{url}{path}", "")
        yield Finding("edge", f"{path} is closed", answer.status == 404, _seen(answer))


def outside_in(environment: Environment) -> Iterator[Finding]:
    """What Route 53's checkers, which ask every region from all over the world, saw last; nobody checks the
    local load balancers so, and each is asked through the edge."""
    if environment.name == LOCAL:
        return
    route53 = account.client(environment.name, "route53", environment.dns_region)
    try:
        checks = _health_checks(route53)
        for region in environment.regions:
            yield _checked(route53, region, checks.get(regional_origin(region, environment.domain)))
    except (BotoCoreError, ClientError) as error:
        raise OperationError(
            f"Route 53 tells nothing of its health checks ({error}); sign in with a role that may read them"
        ) from None


def _checked(route53: Any, region: str, check: str | None) -> Finding:
    """What the checkers of one region's health check saw last."""
    if check is None:
        return Finding(region, "health check", well=False, seen="there is none: is its ecs stack deployed?")
    seen = route53.get_health_check_status(HealthCheckId=check)["HealthCheckObservations"]
    return served(region, [str(each["StatusReport"]["Status"]) for each in seen])


def served(region: str, reports: Sequence[str]) -> Finding:
    """Whether a region serves, by what each checker reported last."""
    good = sum(report.startswith("Success") for report in reports)
    bad = next((report for report in reports if not report.startswith("Success")), "")
    told = f"{good} of {len(reports)} checkers are served" + (f"; one says {bad}" if bad else "")
    return Finding(region, "health check", good > HEALTHY_SHARE * len(reports), told)


def get(url: str, place: str) -> Answer:
    """A viewer's request, from ``place`` where the edge is the local one."""
    request = urllib.request.Request(url, headers={"x-viewer-location": place} if place else {})  # noqa: S310 - http(s), made above
    try:
        with urllib.request.urlopen(request, timeout=ANSWER) as response:  # noqa: S310
            return _answer(response.status, response)
    except urllib.error.HTTPError as error:
        return _answer(error.code, error)
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, str(getattr(error, "reason", error)))


def _answer(status: int, response: Any) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status, response.read().decode("utf-8", "replace"), headers)


def _healthy(answer: Answer, place: str) -> Finding:
    status = answer.document.get("status")
    dependencies = _states(answer, "dependencies")
    ill = [name for name, state in dependencies.items() if state != "healthy"]
    # An overall "healthy" beside a dependency that is not would be a fault of its own.
    well = answer.status == 200 and status == "healthy" and not ill and _from(answer, place)
    told = f"{status} in {_region(answer)}" if status else _seen(answer)
    return Finding(place or "edge", "/health/detailed/", well, told + (f": {', '.join(ill)}" if ill else ""))


def _served(answer: Answer, place: str) -> Finding:
    services = _states(answer, "services")
    ill = [name for name, state in services.items() if state not in ("healthy", "disabled")]
    well = answer.status == 200 and bool(services) and not ill and _from(answer, place)
    told = f"{len(services)} services in {_region(answer)}" if services else _seen(answer)
    return Finding(
        place or "edge", "/api/status/services", well, told + (f": {', '.join(ill)} not" if ill else "")
    )


def _states(answer: Answer, key: str) -> dict[str, str]:
    """Status by name, empty where an entry has none; nothing where the answer is no such mapping."""
    given = answer.document.get(key)
    return {
        str(name): str(each.get("status", "")) if isinstance(each, dict) else ""
        for name, each in (given.items() if isinstance(given, dict) else ())
    }


def _from(answer: Answer, place: str) -> bool:
    """Whether the region that was asked answered; where the edge chooses, any may."""
    return not place or _region(answer) == place


def _region(answer: Answer) -> str:
    return str(answer.document.get("region") or "no known region")


def _seen(answer: Answer) -> str:
    return f"answered {answer.status}" if answer.status else f"no answer: {answer.body}"


def _health_checks(route53: Any) -> dict[str, str]:
    """Ids by the name that each check asks."""
    pages = route53.get_paginator("list_health_checks").paginate()
    return {
        check["HealthCheckConfig"].get("FullyQualifiedDomainName", ""): check["Id"]
        for page in pages
        for check in page["HealthChecks"]
    }


def _parameter(environment: Environment, name: str) -> str:
    """A value as the edge stack published it."""
    parameter = environment.names.parameter("edge", name)
    try:
        ssm = account.client(environment.name, "ssm", environment.dns_region)
        return str(ssm.get_parameter(Name=parameter)["Parameter"]["Value"])
    except (BotoCoreError, ClientError) as error:
        mend = "`make up`" if environment.name == LOCAL else "deploy it, or sign in"
        raise OperationError(
            f"the edge of {environment.name} published no {name} ({error}); {mend}"
        ) from None
