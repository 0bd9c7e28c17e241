"""Findings of the policy packs that the flink area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged
from stacks.controls import FLINK_INTERFACES, FUNCTION_DEAD_LETTERS, FUNCTION_NETWORK
from stacks.function import APIS_ONLY, DEPLOYING

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged("Starter/Function", FUNCTION_DEAD_LETTERS, DEPLOYING),
    Acknowledged("Starter/Function", FUNCTION_NETWORK, APIS_ONLY),
)

STATE_ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        "Application/Policy/Resource",
        FLINK_INTERFACES,
        "EC2 knows no resource for what is looked up, nor for interfaces that are not there yet; the service"
        " puts them into the network by the application's role (its guide: VPC permissions)",
    ),
    Acknowledged(
        "Application/Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:logs:{region}:{account}:log-group:*]",
        "logs:DescribeLogGroups lists groups, of which it needs to see its own",
    ),
)
