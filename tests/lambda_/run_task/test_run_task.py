"""Why a task failed, in the words of ECS: moto's tasks all start, and end with 0, so ECS is a stub here."""

from __future__ import annotations

from types import ModuleType

from tests.lambda_.run_task.conftest import DEFINITION, PLENTY, TASK, CloudFormation, Ecs


def test_container_that_exits_with_1_fails_the_deployment_with_its_reason(
    index: ModuleType, ecs: Ecs, cloudformation: CloudFormation
) -> None:
    ecs.starts()
    ecs.is_seen("STOPPED", stopped="Essential container in task exited", exitCode=1)
    index.handler(cloudformation.event("Create"), PLENTY)
    assert cloudformation.answer["Status"] == "FAILED"
    assert cloudformation.answer["Reason"] == (
        f"container gateway of {TASK} exited with 1: Essential container in task exited"
    )


def test_container_that_never_started_fails_the_deployment_with_its_own_reason(
    index: ModuleType, ecs: Ecs, cloudformation: CloudFormation
) -> None:
    ecs.starts()
    ecs.is_seen("STOPPED", stopped="Task failed to start", reason="CannotPullContainerError: no such image")
    index.handler(cloudformation.event("Create"), PLENTY)
    assert cloudformation.answer["Status"] == "FAILED"
    assert "never started: CannotPullContainerError: no such image" in cloudformation.answer["Reason"]


def test_task_that_stopped_before_it_had_containers_is_a_failure(
    index: ModuleType, ecs: Ecs, cloudformation: CloudFormation
) -> None:
    ecs.starts()
    task = {"taskArn": TASK, "lastStatus": "STOPPED", "stoppedReason": "no capacity", "containers": []}
    ecs.stub.add_response("describe_tasks", {"tasks": [task], "failures": []})
    index.handler(cloudformation.event("Create"), PLENTY)
    assert cloudformation.answer["Status"] == "FAILED"
    assert "no capacity" in cloudformation.answer["Reason"]


def test_task_that_cannot_start_fails_the_deployment_with_every_reason(
    index: ModuleType, ecs: Ecs, cloudformation: CloudFormation
) -> None:
    ecs.does_not_start("RESOURCE:MEMORY", "RESOURCE:ENI")
    index.handler(cloudformation.event("Create"), PLENTY)
    assert cloudformation.answer["Status"] == "FAILED"
    assert cloudformation.answer["Reason"] == f"{DEFINITION} did not start: RESOURCE:MEMORY; RESOURCE:ENI"


def test_task_that_ecs_does_not_show_yet_is_asked_for_again(
    index: ModuleType, ecs: Ecs, cloudformation: CloudFormation
) -> None:
    """DescribeTasks is eventually consistent: right after RunTask it may list the task as missing."""
    ecs.starts()
    missing = {"tasks": [], "failures": [{"arn": TASK, "reason": "MISSING"}]}
    ecs.stub.add_response("describe_tasks", missing)
    ecs.is_seen("STOPPED", exitCode=0)
    index.handler(cloudformation.event("Create"), PLENTY)
    assert cloudformation.answer["Status"] == "SUCCESS"


def test_long_reason_is_cut_to_what_cloudformation_takes(
    index: ModuleType, ecs: Ecs, cloudformation: CloudFormation
) -> None:
    ecs.does_not_start("x" * 10_000)
    index.handler(cloudformation.event("Create"), PLENTY)
    assert cloudformation.answer["Status"] == "FAILED"
    assert len(str(cloudformation.answer).encode()) <= 4096
