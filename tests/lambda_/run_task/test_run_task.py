"""The custom resource answers CloudFormation whatever happens, and says why a task failed."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.lambda_.run_task.conftest import DEFINITION, TASK, CloudFormation, Context, Ecs

PLENTY = Context(900_000)


def test_task_that_ends_well_is_a_success(
    index: ModuleType, ecs: Ecs, cloudformation: CloudFormation
) -> None:
    ecs.starts()
    for status in ("PROVISIONING", "PENDING", "RUNNING"):
        ecs.is_seen(status)
    ecs.is_seen("STOPPED", exitCode=0)
    index.handler(cloudformation.event("Create"), PLENTY)
    assert cloudformation.answer["Status"] == "SUCCESS"


def test_answer_repeats_what_cloudformation_asked_with(
    index: ModuleType, ecs: Ecs, cloudformation: CloudFormation
) -> None:
    ecs.starts()
    ecs.is_seen("STOPPED", exitCode=0)
    event = cloudformation.event("Create")
    index.handler(event, PLENTY)
    answer = cloudformation.answer
    for key in ("StackId", "RequestId", "LogicalResourceId"):
        assert answer[key] == event[key]
    assert answer["PhysicalResourceId"] == f"{event['StackId']}/{event['LogicalResourceId']}"
    # The URL is signed without a content type.
    assert cloudformation.content_types == [""]


def test_update_keeps_the_physical_id_and_runs_the_task_again(
    index: ModuleType, ecs: Ecs, cloudformation: CloudFormation
) -> None:
    ecs.starts()
    ecs.is_seen("STOPPED", exitCode=0)
    index.handler(cloudformation.event("Update", PhysicalResourceId="kept"), PLENTY)
    assert (cloudformation.answer["Status"], cloudformation.answer["PhysicalResourceId"]) == (
        "SUCCESS",
        "kept",
    )


def test_delete_starts_nothing(index: ModuleType, ecs: Ecs, cloudformation: CloudFormation) -> None:
    # `ecs` expects no call: one would be answered with an error, and that with FAILED.
    index.handler(cloudformation.event("Delete", PhysicalResourceId="kept"), PLENTY)
    assert (cloudformation.answer["Status"], cloudformation.answer["PhysicalResourceId"]) == (
        "SUCCESS",
        "kept",
    )


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


def test_task_that_does_not_end_in_time_fails_before_lambda_is_cut_off(
    index: ModuleType, ecs: Ecs, cloudformation: CloudFormation
) -> None:
    ecs.starts()
    ecs.is_seen("RUNNING")
    index.handler(cloudformation.event("Create"), Context(60_000, 19_000))
    assert cloudformation.answer["Status"] == "FAILED"
    assert f"{TASK} did not end in time" in cloudformation.answer["Reason"]


@pytest.mark.parametrize(
    ("code", "message"), [("ClusterNotFoundException", "Cluster not found."), ("AccessDenied", "not yours")]
)
def test_error_of_the_api_is_the_answers_reason(
    code: str, message: str, index: ModuleType, ecs: Ecs, cloudformation: CloudFormation
) -> None:
    ecs.stub.add_client_error("run_task", code, message)
    index.handler(cloudformation.event("Create"), PLENTY)
    assert cloudformation.answer["Status"] == "FAILED"
    assert message in cloudformation.answer["Reason"]


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


def test_properties_without_a_cluster_are_answered_too(
    index: ModuleType, ecs: Ecs, cloudformation: CloudFormation
) -> None:
    event = cloudformation.event("Create")
    event["ResourceProperties"] = {}
    index.handler(event, PLENTY)
    assert cloudformation.answer["Status"] == "FAILED"
    assert "Cluster" in cloudformation.answer["Reason"]


def test_long_reason_is_cut_to_what_cloudformation_takes(
    index: ModuleType, ecs: Ecs, cloudformation: CloudFormation
) -> None:
    ecs.does_not_start("x" * 10_000)
    index.handler(cloudformation.event("Create"), PLENTY)
    assert cloudformation.answer["Status"] == "FAILED"
    assert len(str(cloudformation.answer).encode()) <= 4096
