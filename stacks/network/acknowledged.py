"""Findings of the policy packs that the network area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged, each
from stacks.controls import DEFAULT_GROUP, FUNCTION_DEAD_LETTERS, FUNCTION_NETWORK, PUBLIC_ROUTE
from stacks.function import APIS_ONLY, DEPLOYING

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        "DataAcl",
        "AwsSolutions::AwsSolutions-VPC3",
        "the data subnets' ACL is wanted: a second fence behind the security groups, of networks only",
    ),
    Acknowledged(
        "DefaultGroup/Closer/Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        "ec2:DescribeSecurityGroups knows no resource (service authorization reference of EC2)",
    ),
    Acknowledged("DefaultGroup/Closer/Function", FUNCTION_DEAD_LETTERS, DEPLOYING),
    Acknowledged("DefaultGroup/Closer/Function", FUNCTION_NETWORK, APIS_ONLY),
    Acknowledged(
        "Vpc/Resource",
        DEFAULT_GROUP,
        "CloudFormation cannot close it; the custom resource DefaultGroup does, and AWS Config watches it",
    ),
    *each(
        PUBLIC_ROUTE,
        "the public subnets hold the load balancer and NAT, and nothing else; the others have no such route",
        *(f"Vpc/publicSubnet{number}/DefaultRoute" for number in (1, 2, 3)),
    ),
)
