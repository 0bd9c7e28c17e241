"""Findings of the policy packs that the lake's replication accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged
from stacks.controls import FUNCTION_DEAD_LETTERS, FUNCTION_NETWORK
from stacks.function import APIS_ONLY, DEPLOYING

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        "Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:s3:::{prefix}-lake-{account}-{destination}/*]",
        "S3 reads and writes every object of the lakes that replicate, and nothing beside them",
    ),
    Acknowledged("Configurator/Function", FUNCTION_DEAD_LETTERS, DEPLOYING),
    Acknowledged("Configurator/Function", FUNCTION_NETWORK, APIS_ONLY),
)
