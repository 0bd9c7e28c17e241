"""Findings of the policy packs that the lake's catalogue accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged
from stacks.datalake.lifecycle import ZONES
from stacks.lake_catalogue.access import ACCESSES

_LAKE = "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:s3:::{prefix}-lake-{account}-{region}"

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    *(
        Acknowledged(
            f"Roles/{zone}-{access}-policy/Resource",
            f"{_LAKE}/{zone}/*]",
            "the grant is the zone: its objects are made while the platform runs, all below this prefix",
        )
        for zone in ZONES
        for access in ACCESSES
    ),
    Acknowledged(
        "Roles/queries/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:s3:::{prefix}-query-{account}-{region}/results/*]",
        "Athena names a result after its query's id, below this prefix",
    ),
)
