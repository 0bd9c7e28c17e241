"""Starts the erasure of one person's data and follows it to its receipt."""

from __future__ import annotations

import datetime
import getpass
import hashlib
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from ops.account import client
from ops.errors import OperationError
from stacks.environment import Environment, load_environment

POLL_SECONDS = 2.0

Clients = Callable[[str, str], Any]


def erase(console: Console, name: str, subject: str, *, dry_run: bool, requested_by: str | None) -> None:
    """Erases ``subject`` in the environment ``name``, or counts what would be erased.

    Raises:
        OperationError: it could not be started, or did not complete; the receipt's key is named.
    """
    environment = load_environment(name)
    try:
        receipt = _follow(
            console,
            environment,
            partial(client, name),
            subject,
            dry_run=dry_run,
            by=requested_by or getpass.getuser(),
        )
    except (BotoCoreError, ClientError) as error:
        raise OperationError(
            f"{name} does not answer ({error}); is it deployed, and may you ask it?"
        ) from None
    console.print(_table(receipt))
    if not receipt["complete"]:
        raise OperationError(
            "not everything was erased; see docs/runbooks/erasure-failed.md and run it again"
        )


def _follow(
    console: Console, environment: Environment, client: Clients, subject: str, *, dry_run: bool, by: str
) -> dict[str, Any]:
    """Runs the state machine to its end and reads the receipt."""
    region = environment.writer_region
    states = client("stepfunctions", region)
    account = client("sts", region).get_caller_identity()["Account"]
    machine = f"arn:aws:states:{region}:{account}:stateMachine:{environment.names.erasure}"
    digest = hashlib.sha256(subject.encode()).hexdigest()
    now = datetime.datetime.now(datetime.UTC)
    execution = f"{digest[:16]}-{now:%Y%m%dT%H%M%S%f}"
    request = {"subject": subject, "dry_run": dry_run, "requested_by": by}
    arn = states.start_execution(stateMachineArn=machine, name=execution, input=json.dumps(request))[
        "executionArn"
    ]
    console.print(f"execution {execution}")
    while (ended := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        time.sleep(POLL_SECONDS)
    if ended["status"] != "SUCCEEDED" and ended.get("error") != "ErasureIncomplete":
        raise OperationError(f"the erasure {ended['status'].lower()}: {_reason(ended)}")
    key = f"metadata/erasure/{digest}/{execution}.json"
    bucket = environment.names.lake_bucket(account, region)
    console.print(f"receipt s3://{bucket}/{key}")
    receipt: dict[str, Any] = json.loads(
        client("s3", region).get_object(Bucket=bucket, Key=key)["Body"].read()
    )
    return receipt


def _reason(ended: dict[str, Any]) -> str:
    """What went wrong, in the words of the function that said it."""
    cause = ended.get("cause") or ended.get("error") or "no reason given"
    try:
        return str(json.loads(cause)["errorMessage"])
    except (KeyError, TypeError, ValueError):
        return str(cause)


def _table(receipt: dict[str, Any]) -> Table:
    done = "would be erased" if receipt["dry_run"] else "erased"
    table = Table("region", "store", "status", done, box=None, pad_edge=False)
    for outcome in receipt["steps"]:
        step = outcome["step"]
        counts = outcome.get("result", {}).get("erased", {})
        said = ", ".join(f"{what}: {count}" for what, count in counts.items()) or "nothing keeps people there"
        if outcome["status"] != "done":
            said = _reason({"cause": outcome["error"].get("Cause")})
        table.add_row(step["region"], step["store"], outcome["status"], said)
    return table
