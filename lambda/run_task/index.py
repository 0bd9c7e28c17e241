"""Custom resource: runs one ECS task to its end and fails the deployment when the task fails.

Properties: ``Cluster``, ``TaskDefinition`` (ARN), ``Subnets`` and ``SecurityGroups`` (lists of ids).
Create and Update run the task; Delete does nothing, as what a migration did stays.
"""

from __future__ import annotations

import time
from typing import Any

import boto3
import cloudformation

POLL_SECONDS = 2.0

#: Time kept back to answer CloudFormation before Lambda cuts the function off.
RESERVE_MILLISECONDS = 20_000


class TaskFailedError(Exception):
    """The task could not start, did not end in time, or ended with an exit code other than 0."""


def handler(event: dict[str, Any], context: Any) -> None:
    """Answers CloudFormation at ``event["ResponseURL"]``, whatever happens."""

    def act() -> None:
        if event["RequestType"] != "Delete":
            run(event["ResourceProperties"], boto3.client("ecs"), context.get_remaining_time_in_millis)

    cloudformation.answer(event, act)


def run(properties: dict[str, Any], ecs: Any, remaining: Any, sleep: Any = time.sleep) -> None:
    """Starts the task and waits for its end.

    Raises:
        TaskFailedError: with the reason, as ECS gives it.
    """
    cluster, definition = properties["Cluster"], properties["TaskDefinition"]
    started = ecs.run_task(
        cluster=cluster,
        taskDefinition=definition,
        count=1,
        launchType="FARGATE",
        startedBy="cloudformation",
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": properties["Subnets"],
                "securityGroups": properties["SecurityGroups"],
                "assignPublicIp": "DISABLED",
            }
        },
    )
    if not started["tasks"]:
        reasons = "; ".join(failure.get("reason", "unknown") for failure in started.get("failures", []))
        raise TaskFailedError(f"{definition} did not start: {reasons or 'ECS gave no reason'}")
    arn = started["tasks"][0]["taskArn"]
    while remaining() > RESERVE_MILLISECONDS:
        # Empty for a moment after the start: ECS shows a task to readers a little later.
        for task in ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"]:
            if task["lastStatus"] == "STOPPED":
                check(task)
                return
        sleep(POLL_SECONDS)
    raise TaskFailedError(f"{arn} did not end in time; read its log, stop it, and deploy again")


def check(task: dict[str, Any]) -> None:
    """Raises TaskFailedError unless the stopped task had containers and every one exited with 0."""
    containers = task.get("containers", [])
    if not containers:
        raise TaskFailedError(
            f"{task['taskArn']} never ran: {task.get('stoppedReason') or 'no reason given'}"
        )
    for container in containers:
        code = container.get("exitCode")
        if code != 0:
            reason = container.get("reason") or task.get("stoppedReason") or "no reason given"
            ended = "never started" if code is None else f"exited with {code}"
            raise TaskFailedError(f"container {container['name']} of {task['taskArn']} {ended}: {reason}")
