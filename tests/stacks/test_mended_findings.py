"""What the policy packs found and the stacks mended stays mended in every environment, not in prod alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stacks.manifest import load_manifests
from stacks.naming import Names
from tests.stacks.assembly import Assembly, Resource

ENVIRONMENTS = ("prod", "staging", "dev", "local")


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> Assembly:
    assembly: Assembly = request.getfixturevalue(request.param)
    return assembly


def resources(assembly: Assembly, kind: str) -> Iterator[tuple[str, Resource]]:
    """Of all stacks, with the stack's id."""
    for stack, template in assembly.templates.items():
        for logical_id, whole in template.get("Resources", {}).items():
            if whole["Type"] == kind:
                yield stack, Resource(logical_id, kind, whole.get("Properties", {}), whole)


@pytest.mark.parametrize("environment", ["prod", "staging", "local"], indirect=True)
def test_no_role_has_an_inline_policy(environment: Assembly) -> None:
    """But in dev, where the CDK itself gives tasks what a shell in them needs."""
    assert list(resources(environment, "AWS::IAM::Policy")) == []
    inline = [
        (stack, role.logical_id)
        for stack, role in resources(environment, "AWS::IAM::Role")
        if "Policies" in role.properties
    ]
    assert inline == []


def test_every_log_group_has_a_key_and_an_end(environment: Assembly) -> None:
    groups = list(resources(environment, "AWS::Logs::LogGroup"))
    bare = [
        (stack, group.logical_id)
        for stack, group in groups
        if not {"KmsKeyId", "RetentionInDays"} <= set(group.properties)
    ]
    assert groups
    assert bare == []


def test_every_function_but_those_of_the_edge_has_its_share_of_the_quota(prod: Assembly) -> None:
    without = {
        function.logical_id
        for _, function in resources(prod, "AWS::Lambda::Function")
        if "ReservedConcurrentExecutions" not in function.properties
    }
    assert {name[: name.index("Function")] for name in without} == {"OriginRequest", "OriginResponse"}


def test_no_function_takes_a_share_where_the_account_may_be_new(dev: Assembly) -> None:
    functions = list(resources(dev, "AWS::Lambda::Function"))
    assert functions
    assert not any("ReservedConcurrentExecutions" in function.properties for _, function in functions)


def test_trail_is_searchable_in_a_log_group_of_its_own(prod: Assembly) -> None:
    trail = prod.one("us-east-1", "security", "AWS::CloudTrail::Trail")
    name = f"/{Names('prod').prefix}/trail"
    group = prod.one("us-east-1", "security", "AWS::Logs::LogGroup", LogGroupName=name)
    assert trail.properties["CloudWatchLogsLogGroupArn"]["Fn::GetAtt"] == [group.logical_id, "Arn"]
    (policy,) = [p for p in prod.policies("us-east-1", "security") if p.logical_id.startswith("TrailPolicy")]
    (statement,) = policy.properties["PolicyDocument"]["Statement"]
    assert statement["Resource"]["Fn::GetAtt"] == [group.logical_id, "Arn"]
    assert policy.logical_id in trail.depends_on


def test_edge_logs_lie_under_a_key_that_log_delivery_may_use(prod: Assembly) -> None:
    bucket = prod.one("us-east-1", "edge-state", "AWS::S3::Bucket")
    (rule,) = bucket.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    key_id = rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]["Fn::GetAtt"][0]
    (key,) = [k for k in prod.all("us-east-1", "edge-state", "AWS::KMS::Key") if k.logical_id == key_id]
    (statement,) = [s for s in key.properties["KeyPolicy"]["Statement"] if s.get("Sid") == "LogDelivery"]
    assert statement["Principal"] == {"Service": "delivery.logs.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "111111111111"}


def test_log_key_of_a_region_serves_this_environments_groups_alone(prod: Assembly) -> None:
    key = prod.one("eu-west-1", "network-state", "AWS::KMS::Key")
    (statement,) = [s for s in key.properties["KeyPolicy"]["Statement"] if "logs." in str(s["Principal"])]
    assert statement["Condition"]["ArnLike"] == {
        "kms:EncryptionContext:aws:logs:arn": (
            "arn:aws:logs:eu-west-1:111111111111:log-group:/richesreach-prod/*"
        )
    }


def test_task_starts_only_when_its_execution_role_may_do_its_work(prod: Assembly) -> None:
    policies = [p for p in prod.policies("us-east-1", "ecs") if "ExecutionPolicy" in p.logical_id]
    definitions = prod.all("us-east-1", "ecs", "AWS::ECS::TaskDefinition")
    services = load_manifests()
    assert len(policies) == len(services)
    assert len(definitions) == sum(1 + len(service.tasks) for service in services)
    for definition in definitions:
        role = definition.properties["ExecutionRoleArn"]["Fn::GetAtt"][0]
        (own,) = [policy for policy in policies if {"Ref": role} in policy.properties["Roles"]]
        assert own.logical_id in definition.depends_on
