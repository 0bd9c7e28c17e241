"""The region's key of databases, caches, their logs and their backups."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.base import Site


def data_key(scope: Construct, construct_id: str, *, site: Site) -> kms.Key:
    """Lets CloudWatch Logs use it for the groups of this area and no other."""
    key = kms.Key(
        scope,
        construct_id,
        alias=f"{site.names.prefix}-data",
        description=f"Databases and caches of {site.names.prefix} in {site.region}",
        enable_key_rotation=True,
        removal_policy=site.removal_policy,
    )
    names = site.names
    groups = [names.database_log_group(site.region), names.cache_log_group("*")]
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="CloudWatchLogs",
            principals=[iam.ServicePrincipal(f"logs.{site.region}.amazonaws.com")],
            actions=[
                "kms:Encrypt*",
                "kms:Decrypt*",
                "kms:ReEncrypt*",
                "kms:GenerateDataKey*",
                "kms:Describe*",
            ],
            resources=["*"],  # in a key policy that is the key itself
            conditions={
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": [
                        f"arn:aws:logs:{site.region}:{site.account}:log-group:{group}" for group in groups
                    ]
                }
            },
        )
    )
    return key
