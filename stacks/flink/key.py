"""The key of an application's state, and who may use it."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.base import Site, allow_logs

#: What validates and keeps snapshots, and what runs the job ("Key management in Amazon Managed Service for
#: Apache Flink").
SERVICE = "kinesisanalytics.amazonaws.com"
INFRASTRUCTURE = "infrastructure.kinesisanalytics.amazonaws.com"

_CONTEXT = "kms:EncryptionContext:aws:kinesisanalytics:arn"
#: A grant that only opens what belongs to the application.
_NARROW_GRANT = {"ForAllValues:StringEquals": {"kms:GrantOperations": "Decrypt"}}
_SUBSET = {"kms:GrantConstraintType": "EncryptionContextSubset"}


def application_arn(site: Site) -> str:
    name = site.names.flink_application
    return f"arn:aws:kinesisanalytics:{site.region}:{site.account}:application/{name}"


def application_key(scope: Construct, site: Site) -> kms.Key:
    """Of state, snapshots and log; the service uses it for this application alone."""
    key = kms.Key(
        scope,
        "Key",
        alias=f"{site.names.prefix}-flink",
        description=f"Flink application of {site.names.prefix} in {site.region}",
        enable_key_rotation=True,
        removal_policy=site.removal_policy,
    )
    allow_logs(key, site, site.names.flink_log_group)
    arn = application_arn(site)
    ours, of_it = {"aws:SourceArn": arn, "aws:SourceAccount": site.account}, {_CONTEXT: arn}
    both, one, runs = (SERVICE, INFRASTRUCTURE), (SERVICE,), (INFRASTRUCTURE,)
    _allow(key, "DescribeForFlink", both, ["kms:DescribeKey"], {"StringEquals": ours})
    _allow(key, "SealSnapshots", one, ["kms:GenerateDataKey"], {"StringEquals": ours | of_it})
    _allow(key, "OpenSnapshots", one, ["kms:Decrypt"], {"StringEquals": of_it})
    _allow(
        key,
        "UseForRunningState",
        runs,
        ["kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"],
        {"StringEquals": of_it},
    )
    _allow(key, "GrantForRunningState", runs, ["kms:CreateGrant"], _granting(of_it))
    return key


def operating(key: kms.IKey, site: Site) -> list[iam.PolicyStatement]:
    """What whoever starts and stops the application needs of its key, through the service alone."""
    through = {"kms:ViaService": f"kinesisanalytics.{site.region}.amazonaws.com"}
    of_it = through | {_CONTEXT: application_arn(site)}
    uses = ["kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"]
    grants: dict[str, tuple[list[str], dict[str, Any]]] = {
        "SeeTheKey": (["kms:DescribeKey"], {"StringEquals": through}),
        "UseTheKey": (uses, {"StringEquals": of_it}),
        "LendTheKey": (["kms:CreateGrant"], _granting(of_it)),
    }
    return [
        iam.PolicyStatement(sid=sid, actions=actions, resources=[key.key_arn], conditions=conditions)
        for sid, (actions, conditions) in grants.items()
    ]


def _granting(equal: dict[str, str]) -> dict[str, Any]:
    return {"StringEquals": equal | _SUBSET, **_NARROW_GRANT}


def _allow(
    key: kms.Key, sid: str, services: tuple[str, ...], actions: list[str], conditions: dict[str, Any]
) -> None:
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid=sid,
            principals=[iam.ServicePrincipal(service) for service in services],
            actions=actions,
            resources=["*"],  # in a key policy that is the key itself
            conditions=conditions,
        )
    )
