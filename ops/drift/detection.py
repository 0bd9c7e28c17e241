"""Asks CloudFormation of every deployed stack of an environment what was changed past it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ops import account
from ops.errors import OperationError
from stacks.environment import Environment

_CONFIG = Config(retries={"mode": "adaptive", "max_attempts": 10}, connect_timeout=5)
_THREADS = 8

#: Seconds between two questions whether a detection has ended, and until it is given up.
POLL = 5.0
PATIENCE = 900.0

#: In these states CloudFormation detects drift (DetectStackDrift, CloudFormation API reference).
DETECTABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}
)
_GONE = frozenset({"DELETE_COMPLETE", "REVIEW_IN_PROGRESS"})


@dataclass(frozen=True)
class Difference:
    """A property that is not as the template says; ``expected`` and ``actual`` are as CloudFormation gives
    them, empty where there is none."""

    path: str
    expected: str
    actual: str


@dataclass(frozen=True)
class Drifted:
    """A resource that was changed, or deleted (then without differences), past CloudFormation."""

    logical_id: str
    physical_id: str
    type: str
    deleted: bool
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Judged:
    """One stack: what drifted in it, and why it could not be judged whole where it could not."""

    region: str
    stack: str
    drifted: tuple[Drifted, ...] = ()
    unjudged: str = ""


def detect(environment: Environment) -> list[Judged]:
    """Every deployed stack of the environment, by region and name.

    Raises:
        OperationError: nothing is deployed, or CloudFormation does not answer.
    """
    regions = sorted({*environment.regions, environment.dns_region})
    clients = {
        region: account.client(environment.name, "cloudformation", region, _CONFIG) for region in regions
    }
    prefix = f"{environment.names.prefix}-"
    try:
        stacks = [(region, *found) for region in regions for found in _stacks(clients[region], prefix)]
        with ThreadPoolExecutor(_THREADS) as pool:
            judged = list(pool.map(lambda each: _judge(clients[each[0]], *each), stacks))
    except (BotoCoreError, ClientError) as error:
        raise OperationError(
            f"CloudFormation detects no drift ({error}); sign in with a role that may detect it"
            " (docs/delivery.md#drift)"
        ) from None
    if not judged:
        raise OperationError(f"nothing of {environment.name} is deployed in {', '.join(regions)}")
    return sorted(judged, key=lambda each: (each.region, each.stack))


def _stacks(client: Any, prefix: str) -> Iterator[tuple[str, str]]:
    """Name and status of what is deployed."""
    for page in client.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            if stack["StackName"].startswith(prefix) and stack["StackStatus"] not in _GONE:
                yield stack["StackName"], stack["StackStatus"]


def _judge(client: Any, region: str, stack: str, status: str) -> Judged:
    if status not in DETECTABLE:
        return Judged(region, stack, unjudged=f"is {status}: it is asked once that has ended well")
    try:
        return _detected(client, region, stack)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return Judged(region, stack, unjudged=f"{error.operation_name} was refused: {code}")


def _detected(client: Any, region: str, stack: str) -> Judged:
    detection = client.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
    ended = _ended(client, detection)
    if ended is None:
        return Judged(region, stack, unjudged=f"CloudFormation did not end within {PATIENCE / 60:.0f} min")
    failed = ended["DetectionStatus"] == "DETECTION_FAILED"
    unjudged = str(ended.get("DetectionStatusReason") or "detection failed") if failed else ""
    return Judged(region, stack, tuple(_drifted(client, stack)), unjudged)


def _ended(client: Any, detection: str) -> Any:
    """The detection's status once it has ended; None where it takes too long."""
    deadline = time.monotonic() + PATIENCE
    while True:
        status = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if status["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            return status
        if time.monotonic() > deadline:
            return None
        time.sleep(POLL)


def _drifted(client: Any, stack: str) -> Iterator[Drifted]:
    asked: dict[str, Any] = {
        "StackName": stack,
        "StackResourceDriftStatusFilters": ["MODIFIED", "DELETED"],
    }
    while True:
        page = client.describe_stack_resource_drifts(**asked)
        for found in page["StackResourceDrifts"]:
            yield Drifted(
                logical_id=found["LogicalResourceId"],
                physical_id=found.get("PhysicalResourceId", ""),
                type=found["ResourceType"],
                deleted=found["StackResourceDriftStatus"] == "DELETED",
                differences=tuple(_difference(each) for each in found.get("PropertyDifferences", ())),
            )
        if not page.get("NextToken"):
            return
        asked["NextToken"] = page["NextToken"]


def _difference(found: Any) -> Difference:
    expected, actual = (
        "" if value in (None, "null") else str(value)
        for value in (found.get("ExpectedValue"), found.get("ActualValue"))
    )
    return Difference(found["PropertyPath"], expected, actual)
