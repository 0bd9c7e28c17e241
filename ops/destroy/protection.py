"""Lifts what keeps the resources of a region that has left its environment from being deleted.

Where the whole environment goes, ``protect: false`` is deployed first; nothing is deployed to a region that
has left. Databases are unprotected where they are taken apart.
"""

from __future__ import annotations

from ops.deploy.asking import asking
from ops.deploy.formation import Formation
from ops.destroy.retained import resources
from ops.plan.assembly import Stack

_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"


def lift(formation: Formation, stack: Stack) -> list[str]:
    """Gives what was unprotected."""
    if not any(resource["Type"] == _BALANCER for resource in stack.resources.values()):
        return []
    elbv2 = formation.account.client("elbv2", stack.region)
    with asking(formation.environment.name, f"the load balancer of {stack.name} cannot be unprotected"):
        found = [physical for _, kind, physical in resources(formation, stack) if kind == _BALANCER]
        for arn in found:
            elbv2.modify_load_balancer_attributes(
                LoadBalancerArn=arn,
                Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}],
            )
    return found
