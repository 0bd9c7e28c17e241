"""What the erasure's state machine asks: the steps, one run of one step, the receipt.

Actions: ``plan`` checks the request and lists a step for each store of each region; ``erase`` has the
region's own function do one run of a step, since Step Functions reaches no other region; ``receipt`` writes
down what was erased, when and by whom. The receipt holds a digest of the subject's id, never the id.

Variables: ``STEPS`` (JSON: what is erased once), ``EVERYWHERE`` (stores of every region, comma-separated),
``REGIONS_PARAMETER`` in ``REGIONS_HOME`` (what the edge publishes: the regions that serve), ``WORKER``,
``LAKE_BUCKET``.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import re
from typing import Any

import boto3
from botocore.config import Config

#: No separator of a path, no wildcard of a pattern: an id can name nobody else's data.
SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")

#: A run of a step ends within a function's five minutes; the answer is waited for a little longer.
PATIENCE = Config(connect_timeout=5, read_timeout=330, retries={"total_max_attempts": 1})


class InvalidRequestError(Exception):
    """The request names no subject that could be erased."""


class NoRegionsError(Exception):
    """Nobody says which regions serve, so nobody can say that all of a person's data was erased."""


class StepFailedError(Exception):
    """The region's function raised; the message is its own."""


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    actions = {"plan": plan, "erase": erase, "receipt": receipt}
    return actions[event["action"]](event)


def plan(event: dict[str, Any]) -> dict[str, Any]:
    """The request and its steps; the writer's database first in the list, then every region's stores.

    Raises:
        InvalidRequestError: with the mend.
        NoRegionsError: the edge is not deployed.
    """
    subject = event.get("subject")
    if not isinstance(subject, str) or not SUBJECT.fullmatch(subject):
        raise InvalidRequestError("the subject is no id; use letters, digits, _ and -, at most 128")
    if not isinstance(event.get("dry_run"), bool):
        raise InvalidRequestError("dry_run is neither true nor false; send one of them")
    request = {key: event[key] for key in ("subject", "dry_run", "requested_by", "execution", "started_at")}
    stores = os.environ["EVERYWHERE"].split(",")
    everywhere = [{"region": region, "store": store} for region in serving() for store in stores]
    return {"request": request, "steps": json.loads(os.environ["STEPS"]) + everywhere}


def serving() -> list[str]:
    """The regions of today: one that joined since this function was deployed has data too."""
    ssm = boto3.client("ssm", region_name=os.environ["REGIONS_HOME"])
    name = os.environ["REGIONS_PARAMETER"]
    try:
        listed: str = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        raise NoRegionsError(f"there is no parameter {name}; deploy the edge, which publishes it") from None
    return listed.split(",")


def erase(event: dict[str, Any]) -> dict[str, Any]:
    """One run of a step; the event comes back with ``so_far`` grown, as the next run's.

    Raises:
        StepFailedError: the function failed.
    """
    step, request = event["step"], event["request"]
    function = boto3.client("lambda", region_name=step["region"], config=PATIENCE)
    order = {
        "store": step["store"],
        "subject": request["subject"],
        "dry_run": request["dry_run"],
        "so_far": event["so_far"],
    }
    answer = function.invoke(FunctionName=os.environ["WORKER"], Payload=json.dumps(order).encode())
    result = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        kind, message = result.get("errorType", "Error"), result.get("errorMessage", "no message")
        raise StepFailedError(f"{step['store']} of {step['region']}: {kind}: {message}")
    return {**event, "so_far": result}


def receipt(event: dict[str, Any]) -> dict[str, Any]:
    """Writes the receipt; the same execution writes the same object again."""
    request, outcomes = event["request"], event["outcomes"]
    failed = [outcome["step"] for outcome in outcomes if outcome["status"] != "done"]
    digest = hashlib.sha256(request["subject"].encode()).hexdigest()
    body = {
        "subject_sha256": digest,
        "dry_run": request["dry_run"],
        "requested_by": request["requested_by"],
        "execution": request["execution"],
        "started_at": request["started_at"],
        "finished_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "complete": not failed,
        "steps": outcomes,
    }
    key = f"metadata/erasure/{digest}/{request['execution']}.json"
    boto3.client("s3").put_object(
        Bucket=os.environ["LAKE_BUCKET"],
        Key=key,
        Body=json.dumps(body, indent=2, sort_keys=True).encode(),
        ContentType="application/json",
    )
    places = ", ".join(f"{step['store']} of {step['region']}" for step in failed)
    return {"complete": not failed, "receipt": key, "cause": f"not erased: {places}; the receipt is {key}"}
