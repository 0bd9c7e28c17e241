"""Findings of the policy packs that the rotation area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        "Rotate/Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        "secretsmanager:GetRandomPassword and the interfaces of a function in a network know no resource",
    ),
)
