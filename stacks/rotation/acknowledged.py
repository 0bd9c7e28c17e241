"""Findings of the policy packs that the rotation area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        "Role/Resource",
        "AwsSolutions::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
        "AWSLambdaVPCAccessExecutionRole]",
        "AWS keeps this policy in step with what Lambda needs to join a network",
    ),
    Acknowledged(
        "Role/DefaultPolicy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        "secretsmanager:GetRandomPassword knows no resource (service authorization reference)",
    ),
)
