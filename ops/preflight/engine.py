"""Runs the checks side by side: each waits for AWS most of the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from ops.plan.assembly import Stack
from ops.preflight import (
    addresses,
    availability,
    baseline,
    bootstrap,
    certificates,
    database_engine,
    delegation,
    flink_package,
    headroom,
    images,
    keys,
    listener_rules,
    lock,
    quotas,
    stack_states,
)
from ops.preflight.credentials import caller
from ops.preflight.result import Reporter, Result
from ops.preflight.site import Site
from stacks.environment import load_environment
from stacks.manifest import load_manifests

_THREADS = 8
SIGN_IN = "sign in, e.g. `aws sso login`, and set AWS_PROFILE"


@dataclass(frozen=True)
class Check:
    """``asks_aws`` where it says nothing without an account."""

    name: str
    function: Callable[[Site, Reporter], Iterator[Result]]
    asks_aws: bool = False


#: In the order in which their results are shown: what stands in the way of everything first.
CHECKS = (
    Check("stacks", stack_states.check, asks_aws=True),
    Check("bootstrap", bootstrap.check, asks_aws=True),
    Check("addresses", addresses.check),
    Check("headroom", headroom.check),
    Check("state", lock.check),
    Check("availability", availability.check),
    Check("database engine", database_engine.check, asks_aws=True),
    Check("quotas", quotas.check),
    Check("zone", delegation.check_zone, asks_aws=True),
    Check("delegation", delegation.check),
    Check("certificates", certificates.check, asks_aws=True),
    Check("authorities", certificates.check_authorities),
    Check("secrets", keys.check, asks_aws=True),
    Check("images", images.check, asks_aws=True),
    Check("Flink package", flink_package.check),
    Check("baseline", baseline.check, asks_aws=True),
    Check("listener rules", listener_rules.check, asks_aws=True),
)


def run(environment: str, stacks: Mapping[str, Stack], checks: Sequence[Check] = CHECKS) -> list[Result]:
    """What the checks say of deploying ``stacks``, in the checks' order.

    Raises:
        ConfigurationError: there is no such environment, or its file is wrong.
        OperationError: there are credentials, but not usable ones.
    """
    site = Site(load_environment(environment), stacks, load_manifests(), caller(environment))
    with ThreadPoolExecutor(_THREADS) as pool:
        return [result for found in pool.map(lambda check: _run(check, site), checks) for result in found]


def _run(check: Check, site: Site) -> list[Result]:
    reporter = Reporter(check.name)
    if check.asks_aws and site.account is None:
        return [reporter.unknown("no credentials", SIGN_IN)]
    found: list[Result] = []
    try:
        # One by one: what earlier regions said stays said when a later one refuses.
        for result in check.function(site, reporter):
            found.append(result)
    except ClientError as error:
        operation, code = error.operation_name, error.response["Error"]["Code"]
        found.append(reporter.unknown(f"{operation} was refused: {code}", "let these credentials read it"))
    except BotoCoreError as error:
        found.append(reporter.unknown(f"AWS does not answer: {error}", "try again"))
    return found
