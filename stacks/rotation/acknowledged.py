"""Findings of the policy packs that the rotation area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged
from stacks.controls import FUNCTION_DEAD_LETTERS, NETWORK_INTERFACES

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        "Rotate/Policy/Resource",
        NETWORK_INTERFACES,
        "secretsmanager:GetRandomPassword and the interfaces of a function in a network know no resource",
    ),
    Acknowledged(
        "Rotate/Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:kms:{reach}:{account}:key/*]",
        "the keys of secrets by their alias, as a condition says: that of a region yet to join has no id",
    ),
    Acknowledged(
        "Rotate/Function",
        FUNCTION_DEAD_LETTERS,
        "Secrets Manager calls it again by itself, and keeps the stage that it did not get past",
    ),
)
