"""EventBridge Scheduler starts ECS tasks: the server fires schedules in time, and knows no such target.

What cannot be started goes to the schedule's dead-letter queue at once, without the retries of AWS.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError
from ministack.services import eventbridge, scheduler

from ops.local.types import api
from ops.local.types.shapes import arguments

logger = logging.getLogger(__name__)

# Seconds between two looks at what is due; the server's own are 10, which a test would wait for.
LOOK_EVERY = 1


def install() -> None:
    """Schedules and rules share one way to their targets; those with `EcsParameters` leave it here."""
    shipped = eventbridge._invoke_target

    def invoke(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], *view: Any) -> None:
        if "EcsParameters" not in target:
            shipped(target, event, rule, *view)
            return
        try:
            _run(target, str(rule.get("Name", "")))
        except ClientError as error:
            logger.warning("schedule %s started no task: %s", rule.get("Name"), error)
            _bury(target, rule, error)

    eventbridge._invoke_target = invoke
    scheduler._SCHEDULE_TICK_INTERVAL = LOOK_EVERY


def _run(target: Mapping[str, Any], schedule: str) -> None:
    wanted = target["EcsParameters"]
    given = {
        "Cluster": target["Arn"],
        "TaskDefinition": wanted["TaskDefinitionArn"],
        "Count": wanted.get("TaskCount", 1),
        "StartedBy": f"chronos-schedule/{schedule}"[:128],
        **{
            key: wanted[key]
            for key in ("LaunchType", "NetworkConfiguration", "PropagateTags")
            if key in wanted
        },
    }
    api.call("ecs", "RunTask", **arguments("ecs", "RunTask", given))


def _bury(target: Mapping[str, Any], rule: Mapping[str, Any], error: ClientError) -> None:
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue:
        return
    url = api.call("sqs", "GetQueueUrl", QueueName=queue.rsplit(":", 1)[-1])["QueueUrl"]
    said = {
        "ERROR_CODE": error.response.get("Error", {}).get("Code", ""),
        "ERROR_MESSAGE": error.response.get("Error", {}).get("Message", ""),
        "SCHEDULE_ARN": rule.get("Arn", ""),
    }
    api.call(
        "sqs",
        "SendMessage",
        QueueUrl=url,
        MessageBody=target.get("Input") or json.dumps(target["EcsParameters"]),
        MessageAttributes={
            name: {"DataType": "String", "StringValue": str(value)} for name, value in said.items() if value
        },
    )
