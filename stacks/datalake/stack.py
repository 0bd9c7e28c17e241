"""datalake: the lake bucket of a region with its zones, its key, and the bucket that logs go to."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.datalake.lifecycle import zone_rules


class DataLakeStack(PlatformStack):
    """Zones are prefixes (``raw/ processed/ curated/ metadata/``), each with its own lifecycle."""

    def __init__(self, scope: Construct, site: Site) -> None:
        super().__init__(scope, site, "datalake", description="Data lake bucket, its key and the log bucket")
        self.log_bucket = self._log_bucket()
        self.key = kms.Key(
            self,
            "LakeKey",
            alias=f"{site.names.prefix}-lake",
            description=f"Data lake of {site.names.prefix} in {site.region}",
            enable_key_rotation=True,
            removal_policy=site.removal_policy,
        )
        self.bucket = self._lake_bucket()

    def _lake_bucket(self) -> s3.Bucket:
        lake = self.site.environment.lake
        return s3.Bucket(
            self,
            "Lake",
            bucket_name=self.site.names.lake_bucket(self.site.account, self.site.region),
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            lifecycle_rules=zone_rules(lake),
            server_access_logs_bucket=self.log_bucket,
            server_access_logs_prefix="s3/lake/",
            removal_policy=self.site.removal_policy,
        )

    def _log_bucket(self) -> s3.Bucket:
        """Access logs of buckets and load balancers. Load balancers deliver to SSE-S3 buckets only."""
        bucket = s3.Bucket(
            self,
            "Logs",
            bucket_name=self.site.names.log_bucket(self.site.account, self.site.region),
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire-logs",
                    expiration=cdk.Duration.days(self.site.environment.lake.log_days),
                    noncurrent_version_expiration=cdk.Duration.days(1),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                )
            ],
            removal_policy=self.site.removal_policy,
        )
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LoadBalancerLogs",
                principals=[iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")],
                actions=["s3:PutObject"],
                resources=[bucket.arn_for_objects(f"load-balancer/AWSLogs/{self.site.account}/*")],
                conditions={"StringEquals": {"aws:SourceAccount": self.site.account}},
            )
        )
        return bucket
