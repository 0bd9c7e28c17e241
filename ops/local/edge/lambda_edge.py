"""Lambda@Edge: numbered versions in us-east-1, invoked through the Lambda API of the local AWS."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.local.aws import client
from ops.local.edge.distribution import EdgeLambda, LambdaEvent
from ops.local.edge.lambda_headers import EXECUTION, LambdaError, invalid
from ops.local.edge.log import log

HOME = "us-east-1"

TIMEOUTS: Mapping[LambdaEvent, float] = {
    "viewer-request": 5.0,
    "viewer-response": 5.0,
    "origin-request": 30.0,
    "origin-response": 30.0,
}
"""Seconds, from the quotas of Lambda@Edge; the function's own time-out may be shorter."""

Invoke = Callable[[str, bytes], tuple[str, bytes]]


def invoke(arn: str, payload: bytes) -> tuple[str, bytes]:
    """The function's error kind (empty when it succeeded) and its answer. Raises what boto3 raises."""
    answer = client("lambda", HOME).invoke(FunctionName=arn, Payload=payload)
    return str(answer.get("FunctionError") or ""), answer["Payload"].read()


async def run(
    function: EdgeLambda, event: LambdaEvent, payload: Mapping[str, Any], call: Invoke = invoke
) -> dict[str, Any]:
    """The object that the function returned. Raises LambdaError."""
    _require_version(function.arn, event)
    name = function.arn.split(":function:")[-1]
    started = time.monotonic()
    try:
        failed, answer = await asyncio.wait_for(
            asyncio.to_thread(call, function.arn, json.dumps(payload).encode()), TIMEOUTS[event]
        )
    except TimeoutError:
        reason = f"Lambda function {name} did not answer within {TIMEOUTS[event]:g} s"
        raise LambdaError(503, EXECUTION, reason) from None
    except (BotoCoreError, ClientError) as error:
        raise LambdaError(503, EXECUTION, f"Lambda function {name}: {error}") from error
    elapsed = round((time.monotonic() - started) * 1000, 1)
    if failed:
        log("lambda_failed", function=name, at=event, ms=elapsed, reason=answer.decode(errors="replace"))
        message = json.loads(answer).get("errorMessage", failed)
        raise LambdaError(503, EXECUTION, f"Lambda function {name}: {message}")
    log("lambda", function=name, at=event, ms=elapsed)
    result = json.loads(answer)
    if not isinstance(result, dict):
        raise invalid(event, "returned no request and no response")
    return result


def _require_version(arn: str, event: LambdaEvent) -> None:
    """CloudFront takes numbered versions in us-east-1 only. Raises LambdaError."""
    parts = arn.split(":")
    if parts[3:4] != [HOME] or len(parts) != 8 or not parts[7].isdigit():
        raise invalid(event, f"({arn}) is not a numbered version in {HOME}")
