"""The role that S3 replicates with: what the S3 user guide lists for it, on these buckets and keys alone."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.base import Site


def replication_role(
    scope: Construct, *, site: Site, source_key: str, keys: Mapping[str, str]
) -> tuple[iam.Role, iam.ManagedPolicy]:
    """``keys`` holds the key of each destination region. With bucket keys on, the encryption context of
    every object is its bucket, so that the grants on keys are bound to the buckets."""
    source = _bucket(site, site.region)
    prefix = site.environment.lake.replication.prefix
    name = site.names.lake_replication_role(site.region)
    role = iam.Role(
        scope,
        "Role",
        role_name=name,
        description=f"S3 replicates the lake of {site.region} with it",
        assumed_by=iam.ServicePrincipal("s3.amazonaws.com"),
    )
    policy = iam.ManagedPolicy(
        scope,
        "Policy",
        managed_policy_name=name,
        description=f"Replication of the lake of {site.region}",
        roles=[role],
        statements=[
            iam.PolicyStatement(
                sid="ReadTheConfiguration",
                actions=["s3:GetReplicationConfiguration", "s3:ListBucket"],
                resources=[source],
            ),
            iam.PolicyStatement(
                sid="ReadVersions",
                actions=[
                    "s3:GetObjectVersionForReplication",
                    "s3:GetObjectVersionAcl",
                    "s3:GetObjectVersionTagging",
                    *_locked(site),
                ],
                resources=[f"{source}/{prefix}*"],
            ),
            iam.PolicyStatement(
                sid="WriteReplicas",
                actions=["s3:ReplicateObject", "s3:ReplicateTags", *_deletions(site)],
                resources=[f"{_bucket(site, region)}/{prefix}*" for region in keys],
            ),
            _key_use("DecryptHere", ["kms:Decrypt"], site, site.region, source_key),
            *(
                _key_use(_sid(region), ["kms:Encrypt", "kms:GenerateDataKey"], site, region, key)
                for region, key in keys.items()
            ),
        ],
    )
    return role, policy


def _bucket(site: Site, region: str) -> str:
    return f"arn:aws:s3:::{site.names.lake_bucket(site.account, region)}"


def _locked(site: Site) -> list[str]:
    locked = site.environment.lake.object_lock is not None
    return ["s3:GetObjectRetention", "s3:GetObjectLegalHold"] if locked else []


def _deletions(site: Site) -> list[str]:
    return ["s3:ReplicateDelete"] if site.environment.lake.replication.delete_markers else []


def _sid(region: str) -> str:
    return "EncryptIn" + region.title().replace("-", "")


def _key_use(sid: str, actions: list[str], site: Site, region: str, key: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        actions=actions,
        resources=[key],
        conditions={
            "StringEquals": {
                "kms:ViaService": f"s3.{region}.amazonaws.com",
                "kms:EncryptionContext:aws:s3:arn": _bucket(site, region),
            }
        },
    )
