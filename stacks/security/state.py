"""security-state: a region's key of the audit record; in the home region the audit bucket too."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.datalake.stack import DataLakeStack

TRAIL_PREFIX = "cloudtrail"
CONFIG_PREFIX = "config"
ACCESS_LOG_PREFIX = "s3/audit/"


class SecurityStateStack(PlatformStack):
    """What CloudTrail and AWS Config deliver lies apart from lake and logs, which more people read."""

    bucket: s3.Bucket | None = None

    def __init__(self, scope: Construct, site: Site, *, logs: DataLakeStack) -> None:
        super().__init__(scope, site, "security-state", description="Audit key; audit bucket (home)")
        self.trail_arn = f"arn:aws:cloudtrail:{site.region}:{site.account}:trail/{site.names.trail}"
        self.key = self._key()
        if site.is_home:
            self.add_stack_dependency(logs, "the log bucket takes the audit bucket's access log")
            self.bucket = self._bucket()
            self._admit_trail(self.bucket)
            self._admit_access_log(logs.log_bucket)

    def _key(self) -> kms.Key:
        site = self.site
        key = kms.Key(
            self,
            "AuditKey",
            alias=site.names.audit_key,
            description=f"Audit record of {site.names.prefix} in {site.region}",
            enable_key_rotation=True,
            removal_policy=site.removal_policy,
        )
        if site.is_home:
            key.add_to_resource_policy(self._trail_encrypts())
        return key

    def _trail_encrypts(self) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid="CloudTrail",
            principals=[iam.ServicePrincipal("cloudtrail.amazonaws.com")],
            actions=["kms:GenerateDataKey*", "kms:DescribeKey"],
            resources=["*"],  # in a key policy that is the key itself
            conditions={"StringEquals": {"aws:SourceArn": self.trail_arn}},
        )

    def _bucket(self) -> s3.Bucket:
        site = self.site
        trail = site.environment.security.trail
        keep = trail.keep_days if trail else site.environment.lake.log_days
        lock = trail.lock_days if trail else None
        names = site.names
        return s3.Bucket(
            self,
            "Audit",
            bucket_name=names.audit_bucket(site.account, site.region),
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            object_lock_default_retention=(
                s3.ObjectLockRetention.compliance(cdk.Duration.days(lock)) if lock else None
            ),
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire-audit",
                    expiration=cdk.Duration.days(keep),
                    noncurrent_version_expiration=cdk.Duration.days(1),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                )
            ],
            server_access_logs_bucket=s3.Bucket.from_bucket_name(
                self, "Logs", names.log_bucket(site.account, site.region)
            ),
            server_access_logs_prefix=ACCESS_LOG_PREFIX,
            removal_policy=site.removal_policy,
        )

    def _admit_access_log(self, logs: s3.Bucket) -> None:
        """The log bucket is older than the audit bucket and cannot refer to it, so both are named."""
        names, site = self.site.names, self.site
        logs.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AuditAccessLog",
                principals=[iam.ServicePrincipal("logging.s3.amazonaws.com")],
                actions=["s3:PutObject"],
                resources=[logs.arn_for_objects(f"{ACCESS_LOG_PREFIX}*")],
                conditions={
                    "ArnLike": {
                        "aws:SourceArn": f"arn:aws:s3:::{names.audit_bucket(site.account, site.region)}"
                    },
                    "StringEquals": {"aws:SourceAccount": site.account},
                },
            )
        )
        cdk.Annotations.of(self).acknowledge_warning(
            "@aws-cdk/aws-s3:accessLogsPolicyNotAdded", "the statement AuditAccessLog admits them"
        )

    def _admit_trail(self, bucket: s3.Bucket) -> None:
        trail = iam.ServicePrincipal("cloudtrail.amazonaws.com")
        source = {"aws:SourceArn": self.trail_arn}
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="TrailChecksTheBucket",
                principals=[trail],
                actions=["s3:GetBucketAcl"],
                resources=[bucket.bucket_arn],
                conditions={"StringEquals": source},
            )
        )
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="TrailDelivers",
                principals=[trail],
                actions=["s3:PutObject"],
                resources=[bucket.arn_for_objects(f"{TRAIL_PREFIX}/AWSLogs/{self.site.account}/*")],
                conditions={"StringEquals": {**source, "s3:x-amz-acl": "bucket-owner-full-control"}},
            )
        )
