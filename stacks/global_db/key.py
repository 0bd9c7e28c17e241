"""The region's key of databases, caches, their logs and their backups."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.base import Site, allow_logs


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
    for group in (
        names.database_log_group(site.region),
        names.cache_log_group("*"),
        names.rotation_log_group,
    ):
        allow_logs(key, site, group)
    return key
