"""The custom resource leaves a security group without a rule, and answers CloudFormation whatever happens."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from tests.lambda_.close_security_group.conftest import CloudFormation


def default_group(ec2: Any) -> str:
    """The group that a new VPC is born with; both of its rules are there."""
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    (group,) = ec2.describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroups"]
    assert group["IpPermissionsEgress"]
    if not group["IpPermissions"]:  # AWS adds this rule to a new VPC's group itself
        itself = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group["GroupId"]}]}
        ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[itself])
    return str(group["GroupId"])


def rules(ec2: Any, group: str) -> list[Any]:
    (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return [*found["IpPermissions"], *found["IpPermissionsEgress"]]


def test_rules_of_both_directions_are_taken(
    index: ModuleType, ec2: Any, cloudformation: CloudFormation
) -> None:
    group = default_group(ec2)
    assert len(rules(ec2, group)) == 2
    index.handler(cloudformation.event("Create", group), None)
    assert rules(ec2, group) == []
    assert cloudformation.answer["Status"] == "SUCCESS"


def test_rule_that_somebody_added_is_taken_by_an_update(
    index: ModuleType, ec2: Any, cloudformation: CloudFormation
) -> None:
    group = default_group(ec2)
    open_port = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[open_port])
    index.handler(cloudformation.event("Update", group, PhysicalResourceId="kept"), None)
    assert rules(ec2, group) == []
    assert cloudformation.answer["PhysicalResourceId"] == "kept"


def test_closed_group_is_left_as_it_is(index: ModuleType, ec2: Any, cloudformation: CloudFormation) -> None:
    group = default_group(ec2)
    index.close(group, ec2)
    index.handler(cloudformation.event("Create", group), None)
    assert cloudformation.answer["Status"] == "SUCCESS"


def test_other_groups_keep_their_rules(index: ModuleType, ec2: Any, cloudformation: CloudFormation) -> None:
    closed, other = default_group(ec2), default_group(ec2)
    index.handler(cloudformation.event("Create", closed), None)
    assert len(rules(ec2, other)) == 2


def test_delete_takes_nothing(index: ModuleType, ec2: Any, cloudformation: CloudFormation) -> None:
    group = default_group(ec2)
    index.handler(cloudformation.event("Delete", group, PhysicalResourceId="kept"), None)
    assert len(rules(ec2, group)) == 2
    assert cloudformation.answer["Status"] == "SUCCESS"


def test_group_that_does_not_exist_fails_the_deployment_with_its_name(
    index: ModuleType, ec2: Any, cloudformation: CloudFormation
) -> None:
    index.handler(cloudformation.event("Create", "sg-0123456789abcdef0"), None)
    assert cloudformation.answer["Status"] == "FAILED"
    assert "sg-0123456789abcdef0" in cloudformation.answer["Reason"]


def test_answer_repeats_what_cloudformation_asked_with(
    index: ModuleType, ec2: Any, cloudformation: CloudFormation
) -> None:
    event = cloudformation.event("Create", default_group(ec2))
    index.handler(event, None)
    for key in ("StackId", "RequestId", "LogicalResourceId"):
        assert cloudformation.answer[key] == event[key]
    assert cloudformation.answer["PhysicalResourceId"] == f"{event['StackId']}/DefaultGroup"
    # The URL is signed without a content type.
    assert cloudformation.content_types == [""]
