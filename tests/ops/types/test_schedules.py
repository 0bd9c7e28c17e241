"""Schedules of EventBridge Scheduler whose target is a task."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from .conftest import LocalAws

Found = TypeVar("Found")
PATIENCE = 60


@pytest.fixture(scope="module")
def cluster(aws: LocalAws) -> str:
    arn: str = aws.client("ecs").create_cluster(clusterName=f"nightly-{uuid.uuid4().hex[:8]}")["cluster"][
        "clusterArn"
    ]
    return arn


@pytest.fixture(scope="module")
def definition(aws: LocalAws) -> str:
    made = aws.client("ecs").register_task_definition(
        family="compact",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "compact", "image": "history:1", "essential": True}],
    )
    arn: str = made["taskDefinition"]["taskDefinitionArn"]
    return arn


def schedule(
    aws: LocalAws, cluster: str, definition: str, *, at: datetime, dead_letters: str | None = None
) -> str:
    name = f"compact-{uuid.uuid4().hex[:8]}"
    network = {"Subnets": ["subnet-1"], "SecurityGroups": ["sg-1"], "AssignPublicIp": "DISABLED"}
    target: dict[str, Any] = {
        "Arn": cluster,
        "RoleArn": "arn:aws:iam::000000000000:role/starts-compact",
        "EcsParameters": {
            "TaskDefinitionArn": definition,
            "LaunchType": "FARGATE",
            "TaskCount": 1,
            "NetworkConfiguration": {"awsvpcConfiguration": network},
        },
    }
    if dead_letters is not None:
        target["DeadLetterConfig"] = {"Arn": dead_letters}
    aws.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=target,
    )
    return name


def eventually(check: Callable[[], Found | None]) -> Found:
    ends = time.monotonic() + PATIENCE
    while (found := check()) is None:
        assert time.monotonic() < ends, "nothing came of the schedule"
        time.sleep(0.1)
    return found


def started_by(aws: LocalAws, cluster: str, name: str) -> list[dict[str, Any]]:
    ecs = aws.client("ecs")
    arns = ecs.list_tasks(cluster=cluster, startedBy=f"chronos-schedule/{name}")["taskArns"]
    return list(ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]) if arns else []


def test_a_schedule_starts_its_task_when_its_time_has_come(
    aws: LocalAws, cluster: str, definition: str
) -> None:
    name = schedule(aws, cluster, definition, at=datetime.now(UTC))
    (task,) = eventually(lambda: started_by(aws, cluster, name) or None)
    assert (task["taskDefinitionArn"], task["launchType"]) == (definition, "FARGATE")


def test_a_schedule_of_tomorrow_starts_nothing(aws: LocalAws, cluster: str, definition: str) -> None:
    later = schedule(aws, cluster, definition, at=datetime.now(UTC) + timedelta(days=1))
    now = schedule(aws, cluster, definition, at=datetime.now(UTC))
    eventually(lambda: started_by(aws, cluster, now) or None)
    assert started_by(aws, cluster, later) == []


def test_what_cannot_be_started_is_in_the_dead_letters_with_its_reason(aws: LocalAws, cluster: str) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=f"not-started-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    gone = "arn:aws:ecs:us-east-1:000000000000:task-definition/gone:1"
    schedule(aws, cluster, gone, at=datetime.now(UTC), dead_letters=queue)

    def letter() -> dict[str, Any] | None:
        found = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages", [])
        return found[0] if found else None

    attributes = eventually(letter)["MessageAttributes"]
    assert "gone:1" in attributes["ERROR_MESSAGE"]["StringValue"]
