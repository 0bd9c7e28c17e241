"""datalake: a region's lake with its key, the buckets beside it, and the tables whose state is data."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.datalake.iceberg import CuratedTables
from stacks.datalake.lake_bucket import lake_bucket
from stacks.datalake.log_bucket import log_bucket, query_bucket


class DataLakeStack(PlatformStack):
    """Zones are prefixes (``raw/ processed/ curated/ metadata/``), each with its own lifecycle."""

    def __init__(self, scope: Construct, site: Site) -> None:
        super().__init__(scope, site, "datalake", description="Data lake bucket, its key and the log bucket")
        self.log_bucket = log_bucket(self, site=site)
        self.key = kms.Key(
            self,
            "LakeKey",
            alias=f"{site.names.prefix}-lake",
            description=f"Data lake of {site.names.prefix} in {site.region}",
            enable_key_rotation=True,
            removal_policy=site.removal_policy,
        )
        self.bucket = lake_bucket(self, site=site, key=self.key, logs=self.log_bucket)
        self.query_bucket = query_bucket(self, site=site, key=self.key, logs=self.log_bucket)
        tables = CuratedTables(self, "Curated", site=site)
        tables.node.add_dependency(self.bucket)  # Glue writes a table's first metadata when it makes it
        self._publish("bucket", self.bucket.bucket_name)
        self._publish("key-arn", self.key.key_arn)

    def _publish(self, name: str, value: str) -> None:
        """An SSM parameter of the region, for what reads its configuration at run time."""
        ssm.StringParameter(
            self,
            f"Parameter-{name}",
            parameter_name=self.site.names.parameter("datalake", name),
            string_value=value,
        )
