"""The subnet tiers of a network, in the order in which it is cut into them."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2

from stacks.address_plan import SUBNET_PREFIXES

#: Load balancer and NAT.
PUBLIC = "public"
#: Tasks.
PRIVATE = "private"
#: Databases and caches; no route to the internet.
DATA = "data"


def subnets(*, internet: bool) -> list[ec2.SubnetConfiguration]:
    """One subnet a tier and zone; ``internet``: whether private ones have a route out, through NAT."""
    private = ec2.SubnetType.PRIVATE_WITH_EGRESS if internet else ec2.SubnetType.PRIVATE_ISOLATED
    kinds = {
        PUBLIC: ec2.SubnetType.PUBLIC,
        PRIVATE: private,
        DATA: ec2.SubnetType.PRIVATE_ISOLATED,
    }
    return [
        ec2.SubnetConfiguration(
            name=tier,
            subnet_type=kind,
            cidr_mask=SUBNET_PREFIXES[tier],
            map_public_ip_on_launch=False if tier == PUBLIC else None,
        )
        for tier, kind in kinds.items()
    ]
