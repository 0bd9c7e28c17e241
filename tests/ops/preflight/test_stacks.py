"""Stacks as they are deployed: stuck ones, and rules that a blue/green deployment has moved."""

from __future__ import annotations

from typing import Any

import pytest

from ops.deploy.formation import State
from ops.plan.assembly import Stack
from ops.preflight import headroom, listener_rules, lock, stack_states
from tests.ops.preflight.conftest import Deploy
from tests.ops.preflight.sites import REGION, failed, found, local_site, resource, site, stack
from tests.ops.types.conftest import LocalAws

TOPIC = resource("AWS::SNS::Topic")
BROKEN = resource("AWS::Lambda::Permission", FunctionName="no-such-function", Action="a", Principal="p")


def test_stack_that_takes_updates_is_fine(deploy: Deploy) -> None:
    deploy(stack({"Topic": TOPIC}))
    (result,) = found(stack_states.check, local_site(stack({"Topic": TOPIC})))
    assert result.said == "1 stacks are there, each can be updated"


@pytest.mark.parametrize(
    ("state", "mend"),
    [
        (
            "ROLLBACK_COMPLETE",
            "delete-stack --region eu-west-1 --stack-name richesreach-local-eu-west-1-data",
        ),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --region eu-west-1"),
        ("UPDATE_IN_PROGRESS", "wait until it is done"),
    ],
)
def test_stack_that_takes_none_names_what_to_do(state: str, mend: str) -> None:
    assert mend in stack_states.mend(State("richesreach-local-eu-west-1-data", REGION, state))


def test_stateful_resource_that_is_gone_is_found() -> None:
    results = failed(lock.check, site(stack({"Topic": TOPIC})))
    assert any("richesreach-prod-eu-west-1-datalake/Lake5F1B88EA" in each.said for each in results)
    assert "richesreach lock accept" in results[0].mend


def test_environment_that_protects_nothing_has_no_lock() -> None:
    assert failed(lock.check, local_site(stack({}))) == []


@pytest.mark.parametrize(("resources", "full"), [(399, False), (400, True)])
def test_stack_that_has_less_than_a_fifth_left_is_found(resources: int, full: bool) -> None:
    made = stack({f"Topic{number}": TOPIC for number in range(resources)})
    assert bool(failed(headroom.check, site(made))) is full


def balanced(path: str) -> Stack:
    """A service that blue/green moves between two target groups, and the rule that does it."""
    group = {"Protocol": "HTTP", "Port": 8000, "VpcId": {"Ref": "Vpc"}, "TargetType": "ip"}
    forward = {
        "TargetGroups": [
            {"TargetGroupArn": {"Ref": "Blue"}, "Weight": 100},
            {"TargetGroupArn": {"Ref": "Green"}, "Weight": 0},
        ]
    }
    subnet = {"VpcId": {"Ref": "Vpc"}, "AvailabilityZone": "eu-west-1a"}
    action = {"Type": "forward", "ForwardConfig": forward}
    condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": [path]}}
    refused = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403"}}
    moved = {"AdvancedConfiguration": {"ProductionListenerRule": {"Ref": "Rule"}}}
    return stack(
        {
            "Vpc": resource("AWS::EC2::VPC", CidrBlock="10.20.0.0/16"),
            "One": resource("AWS::EC2::Subnet", CidrBlock="10.20.0.0/24", **subnet),
            "Balancer": resource("AWS::ElasticLoadBalancingV2::LoadBalancer", Subnets=[{"Ref": "One"}]),
            "Blue": resource("AWS::ElasticLoadBalancingV2::TargetGroup", **group),
            "Green": resource("AWS::ElasticLoadBalancingV2::TargetGroup", **group),
            "Listener": resource(
                "AWS::ElasticLoadBalancingV2::Listener",
                LoadBalancerArn={"Ref": "Balancer"},
                Port=80,
                Protocol="HTTP",
                DefaultActions=[refused],
            ),
            "Rule": resource(
                "AWS::ElasticLoadBalancingV2::ListenerRule",
                ListenerArn={"Ref": "Listener"},
                Priority=1,
                Actions=[action],
                Conditions=[condition],
            ),
            "Cluster": resource("AWS::ECS::Cluster"),
            "Service": resource(
                "AWS::ECS::Service", Cluster={"Ref": "Cluster"}, DesiredCount=0, LoadBalancers=[moved]
            ),
        },
        "ecs",
    )


def move(local_aws: LocalAws) -> None:
    """What ECS does at the end of a deployment: the second group has all weight."""
    of = local_site(balanced("/*"))
    ids = {
        each.logical_id: of.deployed_id(each)
        for kind in ("ListenerRule", "TargetGroup")
        for each in of.resources(f"AWS::ElasticLoadBalancingV2::{kind}")
    }
    groups: list[dict[str, Any]] = [
        {"TargetGroupArn": ids["Blue"], "Weight": 0},
        {"TargetGroupArn": ids["Green"], "Weight": 100},
    ]
    local_aws.client("elbv2", REGION).modify_rule(
        RuleArn=ids["Rule"], Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]
    )


def test_rule_that_stays_may_serve_from_either_group(deploy: Deploy, local_aws: LocalAws) -> None:
    deploy(balanced("/*"))
    move(local_aws)
    assert failed(listener_rules.check, local_site(balanced("/*"))) == []


def test_rule_that_changes_while_the_first_group_serves_is_fine(deploy: Deploy) -> None:
    deploy(balanced("/*"))
    (result,) = found(listener_rules.check, local_site(balanced("/api/*")))
    assert result.said == "1 rules change, each serves from its first group"


def test_rule_that_changes_while_the_second_group_serves_is_found(
    deploy: Deploy, local_aws: LocalAws
) -> None:
    deploy(balanced("/*"))
    move(local_aws)
    (result,) = failed(listener_rules.check, local_site(balanced("/api/*")))
    assert result.said == "Rule changes, and its second target group is the one that serves"
    assert "deploy the services once more" in result.mend


def test_first_deployment_has_no_rule_to_set_back(local_aws: LocalAws) -> None:
    assert failed(listener_rules.check, local_site(balanced("/*"))) == []
