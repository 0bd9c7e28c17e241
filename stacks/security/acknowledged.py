"""Findings of the policy packs that the security areas accept: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged

_BOUNDARY = "a boundary grants nothing: a role's own policies allow, and this one only denies"

BOUNDARY: tuple[Acknowledged, ...] = (
    Acknowledged("Boundary/Resource", "AwsSolutions::AwsSolutions-IAM5[Action::*]", _BOUNDARY),
    Acknowledged("Boundary/Resource", "AwsSolutions::AwsSolutions-IAM5[Resource::*]", _BOUNDARY),
)

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        "Configuration/Role/Resource",
        "AwsSolutions::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWS_ConfigRole]",
        "AWS Config reads every type that it records; AWS keeps the list with the types",
    ),
    Acknowledged(
        "Configuration/Delivery/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:s3:::{prefix}-audit-{account}-{home}/config/AWSLogs/{account}/*]",
        "AWS Config names its objects by itself, below this prefix",
    ),
)
