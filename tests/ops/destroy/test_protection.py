"""What keeps a region that left its environment is lifted, on a real local AWS."""

from __future__ import annotations

import json

import pytest

from ops.deploy.asking import Account
from ops.deploy.formation import Formation
from ops.destroy import protection
from ops.local import aws
from ops.plan.assembly import Stack
from stacks.environment import load_environment

REGION, NAME = "eu-central-1", "richesreach-local-eu-central-1-ecs"
KEY = "deletion_protection.enabled"
TEMPLATE = {
    "Resources": {
        "Balancer": {
            "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "Properties": {
                "Name": "protected",
                "Subnets": ["subnet-1", "subnet-2"],
                "LoadBalancerAttributes": [{"Key": KEY, "Value": "true"}],
            },
        }
    }
}


@pytest.mark.usefixtures("commanded")
def test_load_balancer_of_a_region_that_left_may_be_deleted() -> None:
    made, elbv2 = aws.client("cloudformation", REGION), aws.client("elbv2", REGION)
    made.create_stack(StackName=NAME, TemplateBody=json.dumps(TEMPLATE))
    made.get_waiter("stack_create_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})
    arn = elbv2.describe_load_balancers(Names=["protected"])["LoadBalancers"][0]["LoadBalancerArn"]

    def protected() -> str:
        attributes = elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        return next((each["Value"] for each in attributes if each["Key"] == KEY), "false")

    assert protected() == "true"
    formation = Formation(Account("local"), load_environment("local"))
    assert protection.lift(formation, Stack(NAME, REGION, aws.ACCOUNT, TEMPLATE)) == [arn]
    assert protected() == "false"
    made.delete_stack(StackName=NAME)
