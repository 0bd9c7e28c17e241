"""Findings of the policy packs that the peering area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged
from stacks.controls import FUNCTION_DEAD_LETTERS, FUNCTION_NETWORK
from stacks.function import APIS_ONLY, DEPLOYING

_IAM5 = "AwsSolutions::AwsSolutions-IAM5[Resource::{}]"

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        "Router/Policy/Resource",
        _IAM5.format("arn:aws:ec2:{reach}:{account}:route-table/*"),
        "the ids of an older region's tables come as one text; a condition on their tags bounds it",
    ),
    Acknowledged(
        "Router/Policy/Resource",
        _IAM5.format("*"),
        "ec2:DescribeRouteTables knows no resource (service authorization reference of EC2)",
    ),
    Acknowledged("Router/Function", FUNCTION_DEAD_LETTERS, DEPLOYING),
    Acknowledged("Router/Function", FUNCTION_NETWORK, APIS_ONLY),
)
