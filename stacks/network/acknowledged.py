"""Findings of the policy packs that the network area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged

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
)
