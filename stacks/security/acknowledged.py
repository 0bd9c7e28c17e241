"""Findings of the policy packs that the security areas accept: exactly which, where, and why."""

from __future__ import annotations

from collections.abc import Iterator

from stacks.acknowledgements import Acknowledged, each
from stacks.controls import (
    BUCKET_REPLICATION,
    EVERYTHING_ALLOWED,
    FUNCTION_DEAD_LETTERS,
    FUNCTION_NETWORK,
    NETWORK_INTERFACES,
)
from stacks.function import APIS_ONLY
from stacks.regions import REGIONS

_BOUNDARY = "a boundary grants nothing: a role's own policies allow, and this one only denies"

_SUBJECTS = "any subject may ask for erasure; only folders of subjects can be deleted"

BOUNDARY: tuple[Acknowledged, ...] = (Acknowledged("Boundary/Resource", EVERYTHING_ALLOWED, _BOUNDARY),)


def drills_acknowledged() -> Iterator[Acknowledged]:
    """What the roles of the drills may touch by a pattern; drills stand where an environment has them."""
    made = "FIS draws the id when it makes it, or reads it; deleting needs the tag that FIS alone writes"
    cut_off = [f"isolate-from-{region}" for region in REGIONS]
    patterns = {
        "stop-tasks": ("*", "arn:aws:ecs:{region}:{account}:task/{prefix}/*"),
        "fail-over-database": ("*",),
        "lose-zone-cache": ("*", "arn:aws:elasticache:{region}:{account}:replicationgroup:{prefix}-*"),
        "lose-zone-network": ("*", *_networks("network-acl", "vpc", "subnet")),
    } | dict.fromkeys(cut_off, ("*", *_networks("route-table", "prefix-list", "vpc", "subnet")))
    for drill, resources in patterns.items():
        for resource in resources:
            reason = "reading actions of EC2, ECS, RDS and tags know no resource" if resource == "*" else made
            yield Acknowledged(
                f"Drills/{drill}-policy/Resource",
                f"AwsSolutions::AwsSolutions-IAM5[Resource::{resource}]",
                reason,
                outside_prod=True,
            )


def _networks(*kinds: str) -> tuple[str, ...]:
    return tuple(f"arn:aws:ec2:{{region}}:{{account}}:{kind}/*" for kind in kinds)


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
    Acknowledged(
        "ErasureWorker/Policy/Resource",
        NETWORK_INTERFACES,
        "a function in a network makes its interfaces, which EC2 grants for no single resource",
    ),
    Acknowledged(
        "ErasureWorker/Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:s3:::{prefix}-lake-{account}-{region}/raw/user_events/subject=*]",
        _SUBJECTS,
    ),
    Acknowledged(
        "ErasureWorker/Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:s3:::{prefix}-lake-{account}-{region}/processed/user_events/subject=*]",
        _SUBJECTS,
    ),
    Acknowledged(
        "Erasure/Control/Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:s3:::{prefix}-lake-{account}-{region}/metadata/erasure/*]",
        "receipts are called after the subject's digest and the execution",
    ),
    Acknowledged(
        "Erasure/Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        "Step Functions' log delivery and X-Ray know no resource",
    ),
    *each(
        FUNCTION_DEAD_LETTERS,
        "the state machine waits for its answer, runs it again and tells of what failed in the receipt",
        "ErasureWorker/Function",
        "Erasure/Control/Function",
    ),
    Acknowledged("Erasure/Control/Function", FUNCTION_NETWORK, APIS_ONLY),
    *drills_acknowledged(),
)

STATE_ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        "Audit/Resource",
        BUCKET_REPLICATION,
        "one record of all regions, locked against deletion in one place; docs/security.md says so",
    ),
)
