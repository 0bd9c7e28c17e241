"""One task is run to its end, and CloudFormation answered whatever happens; ECS is moto's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.moto_api import state_manager

from tests.lambda_.run_task.conftest import CLUSTER, PLENTY, CloudFormation, Context


@dataclass(frozen=True)
class Place:
    """Where the task runs: a cluster, a network, and what is sent to the function about them."""

    ecs: Any
    properties: dict[str, Any]

    def tasks(self) -> list[dict[str, Any]]:
        """Every task of the cluster, described."""
        arns = self.ecs.list_tasks(cluster=CLUSTER)["taskArns"]
        found: list[dict[str, Any]] = []
        if arns:
            found = self.ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"]
        return found


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, index: ModuleType) -> Iterator[Place]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(index, "POLL_SECONDS", 0.0)
    # Each question moves a task one state further, from RUNNING to STOPPED.
    state_manager.set_transition("ecs::task", {"progression": "manual", "times": 1})
    with mock_aws(config={"core": {"passthrough": {"urls": [r"http://127\.0\.0\.1:.*"]}}}):
        ecs, ec2 = boto3.client("ecs"), boto3.client("ec2")
        ecs.create_cluster(clusterName=CLUSTER)
        definition = ecs.register_task_definition(
            family=f"{CLUSTER}-gateway-migrate",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "gateway", "image": "gateway:1", "cpu": 256, "memory": 512}],
        )["taskDefinition"]["taskDefinitionArn"]
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName="task", Description="task", VpcId=vpc)["GroupId"]
        properties = {
            "ServiceToken": "runner",
            "Cluster": CLUSTER,
            "TaskDefinition": definition,
            "Subnets": [subnet],
            "SecurityGroups": [group],
        }
        yield Place(ecs, properties)
    state_manager.unset_transition("ecs::task")


def test_task_that_ends_well_is_a_success(
    index: ModuleType, place: Place, cloudformation: CloudFormation
) -> None:
    index.handler(cloudformation.event("Create", place.properties), PLENTY)
    assert cloudformation.answer["Status"] == "SUCCESS"
    (task,) = place.tasks()
    assert (task["lastStatus"], task["taskDefinitionArn"]) == ("STOPPED", place.properties["TaskDefinition"])


def test_task_runs_on_fargate_in_the_network_that_the_stack_names(
    index: ModuleType, place: Place, cloudformation: CloudFormation
) -> None:
    index.handler(cloudformation.event("Create", place.properties), PLENTY)
    (task,) = place.tasks()
    (interface,) = task["attachments"]
    details = {detail["name"]: detail["value"] for detail in interface["details"]}
    assert (task["launchType"], details["subnetId"]) == ("FARGATE", place.properties["Subnets"][0])


def test_answer_repeats_what_cloudformation_asked_with(
    index: ModuleType, place: Place, cloudformation: CloudFormation
) -> None:
    event = cloudformation.event("Create", place.properties)
    index.handler(event, PLENTY)
    answer = cloudformation.answer
    for key in ("StackId", "RequestId", "LogicalResourceId"):
        assert answer[key] == event[key]
    assert answer["PhysicalResourceId"] == f"{event['StackId']}/{event['LogicalResourceId']}"
    # The URL is signed without a content type.
    assert cloudformation.content_types == [""]


def test_update_keeps_the_physical_id_and_runs_the_task_again(
    index: ModuleType, place: Place, cloudformation: CloudFormation
) -> None:
    index.handler(cloudformation.event("Create", place.properties), PLENTY)
    index.handler(cloudformation.event("Update", place.properties, PhysicalResourceId="kept"), PLENTY)
    assert (cloudformation.answers[1]["Status"], cloudformation.answers[1]["PhysicalResourceId"]) == (
        "SUCCESS",
        "kept",
    )
    assert len(place.tasks()) == 2


def test_delete_starts_nothing(index: ModuleType, place: Place, cloudformation: CloudFormation) -> None:
    index.handler(cloudformation.event("Delete", place.properties, PhysicalResourceId="kept"), PLENTY)
    assert (cloudformation.answer["Status"], cloudformation.answer["PhysicalResourceId"]) == (
        "SUCCESS",
        "kept",
    )
    assert place.tasks() == []


def test_task_that_does_not_end_in_time_fails_before_lambda_is_cut_off(
    index: ModuleType, place: Place, cloudformation: CloudFormation
) -> None:
    index.handler(cloudformation.event("Create", place.properties), Context(60_000, 19_000))
    assert cloudformation.answer["Status"] == "FAILED"
    (task,) = place.tasks()
    assert f"{task['taskArn']} did not end in time" in cloudformation.answer["Reason"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"Cluster": "gone"}, "ClusterNotFoundException"),
        ({"TaskDefinition": "gone:7"}, "Unable to describe task definition"),
    ],
    ids=["cluster", "task definition"],
)
def test_error_of_the_api_is_the_answers_reason(
    wrong: dict[str, Any], message: str, index: ModuleType, place: Place, cloudformation: CloudFormation
) -> None:
    index.handler(cloudformation.event("Create", {**place.properties, **wrong}), PLENTY)
    assert cloudformation.answer["Status"] == "FAILED"
    assert message in cloudformation.answer["Reason"]


@pytest.mark.usefixtures("place")
def test_properties_without_a_cluster_are_answered_too(
    index: ModuleType, cloudformation: CloudFormation
) -> None:
    index.handler(cloudformation.event("Create", {}), PLENTY)
    assert cloudformation.answer["Status"] == "FAILED"
    assert "Cluster" in cloudformation.answer["Reason"]
