"""Findings of the policy packs that the lake's catalogue accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged
from stacks.controls import FUNCTION_DEAD_LETTERS, FUNCTION_NETWORK
from stacks.datalake.lifecycle import ZONES
from stacks.function import APIS_ONLY, DEPLOYING
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
    Acknowledged("Schemas/Publisher/Function", FUNCTION_DEAD_LETTERS, DEPLOYING),
    Acknowledged("Schemas/Publisher/Function", FUNCTION_NETWORK, APIS_ONLY),
)
