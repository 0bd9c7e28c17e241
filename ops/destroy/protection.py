"""Lifts what keeps the resources of a region that has left its environment from being deleted.

Where the whole environment goes, ``protect: false`` is deployed first; nothing is deployed to a region that
has left. Databases are unprotected where they are taken apart.
"""

from __future__ import annotations

from ops.deploy.asking import asking
from ops.deploy.formation import Formation
from ops.plan.assembly import Stack

_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"


def lift(formation: Formation, stack: Stack) -> list[str]:
    """Gives what was unprotected."""
    if not any(resource["Type"] == _BALANCER for resource in stack.resources.values()):
        return []
    client = formation.client(stack.region)
    elbv2 = formation.account.client("elbv2", stack.region)
    with asking(formation.environment.name, f"the load balancer of {stack.name} cannot be unprotected"):
        listed = client.describe_stack_resources(StackName=stack.name)["StackResources"]
        found = [each["PhysicalResourceId"] for each in listed if each["ResourceType"] == _BALANCER]
        for arn in found:
            elbv2.modify_load_balancer_attributes(
                LoadBalancerArn=arn,
                Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}],
            )
    return found
