"""Forward actions over two target groups read back, by the API and from a template."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import LocalAws, Stack


def _forward(first: Any, second: Any, weights: tuple[int, int]) -> dict[str, Any]:
    groups = [{"TargetGroupArn": arn, "Weight": w} for arn, w in zip((first, second), weights, strict=True)]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


def _group(name: str) -> dict[str, Any]:
    properties = {"Name": name, "Port": 8000, "Protocol": "HTTP", "TargetType": "ip", "VpcId": {"Ref": "Vpc"}}
    return {"Type": "AWS::ElasticLoadBalancingV2::TargetGroup", "Properties": properties}


RULE = {
    "ListenerArn": {"Ref": "Listener"},
    "Priority": 5,
    "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}],
    "Actions": [_forward({"Ref": "Blue"}, {"Ref": "Green"}, (100, 0))],
}
RESOURCES: dict[str, Any] = {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.8.0.0/16"}},
    "Blue": _group("blue"),
    "Green": _group("green"),
    "Balancer": {
        "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "Properties": {"Name": "two-groups", "Type": "application"},
    },
    "Listener": {
        "Type": "AWS::ElasticLoadBalancingV2::Listener",
        "Properties": {
            "LoadBalancerArn": {"Ref": "Balancer"},
            "Port": 8080,
            "Protocol": "HTTP",
            "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        },
    },
    "Rule": {"Type": "AWS::ElasticLoadBalancingV2::ListenerRule", "Properties": RULE},
}
OUTPUTS = {name: {"Ref": name} for name in ("Rule", "Blue", "Green")}


@pytest.fixture(scope="module")
def stack(aws: LocalAws) -> Stack:
    return aws.deploy(RESOURCES, OUTPUTS)


def _weights(aws: LocalAws, stack: Stack) -> dict[str, int]:
    rule = aws.client("elbv2").describe_rules(RuleArns=[stack.outputs["Rule"]])["Rules"][0]
    return {g["TargetGroupArn"]: g["Weight"] for g in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]}


def test_a_template_declares_both_groups_with_their_weights(aws: LocalAws, stack: Stack) -> None:
    assert _weights(aws, stack) == {stack.outputs["Blue"]: 100, stack.outputs["Green"]: 0}


def test_traffic_is_moved_by_modifying_the_rule(aws: LocalAws, stack: Stack) -> None:
    blue, green = stack.outputs["Blue"], stack.outputs["Green"]
    elbv2 = aws.client("elbv2")
    elbv2.modify_rule(RuleArn=stack.outputs["Rule"], Actions=[_forward(blue, green, (0, 100))])
    assert _weights(aws, stack) == {blue: 0, green: 100}


def test_a_stack_that_does_not_change_the_rule_leaves_the_traffic_where_it_is(
    aws: LocalAws, stack: Stack
) -> None:
    blue, green = stack.outputs["Blue"], stack.outputs["Green"]
    elbv2 = aws.client("elbv2")
    elbv2.modify_rule(RuleArn=stack.outputs["Rule"], Actions=[_forward(blue, green, (0, 100))])
    more = RESOURCES | {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {}}}
    stack.apply(more, OUTPUTS, update=True)
    assert _weights(aws, stack) == {blue: 0, green: 100}
