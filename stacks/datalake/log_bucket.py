"""The bucket that logs go to, and the one that query results go to."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.base import Site


def log_bucket(scope: Construct, *, site: Site) -> s3.Bucket:
    """Logs of buckets and load balancers, and inventories. Load balancers deliver to SSE-S3 only."""
    bucket = s3.Bucket(
        scope,
        "Logs",
        bucket_name=site.names.log_bucket(site.account, site.region),
        encryption=s3.BucketEncryption.S3_MANAGED,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        versioned=True,
        lifecycle_rules=[_expiry("expire-logs", site.environment.lake.log_days)],
        removal_policy=site.removal_policy,
    )
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            sid="LoadBalancerLogs",
            principals=[iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")],
            actions=["s3:PutObject"],
            resources=[bucket.arn_for_objects(f"load-balancer/AWSLogs/{site.account}/*")],
            conditions={"StringEquals": {"aws:SourceAccount": site.account}},
        )
    )
    return bucket


def query_bucket(scope: Construct, *, site: Site, key: kms.Key, logs: s3.Bucket) -> s3.Bucket:
    """Results of Athena: as secret as the rows they were made of, and gone after a few days."""
    name = site.names.query_bucket(site.account, site.region)
    # Given the bucket itself, the CDK would grant each source under one Sid, and S3 takes a Sid once.
    logs.add_to_resource_policy(
        iam.PolicyStatement(
            sid="QueryBucketLogs",
            principals=[iam.ServicePrincipal("logging.s3.amazonaws.com")],
            actions=["s3:PutObject"],
            resources=[logs.arn_for_objects("s3/queries/*")],
            conditions={
                "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{name}"},
                "StringEquals": {"aws:SourceAccount": site.account},
            },
        )
    )
    bucket = s3.Bucket(
        scope,
        "Queries",
        bucket_name=name,
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        bucket_key_enabled=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        versioned=True,
        lifecycle_rules=[_expiry("expire-results", site.environment.lake.query.result_days)],
        removal_policy=site.removal_policy,
    )
    resource = bucket.node.default_child
    if isinstance(resource, s3.CfnBucket):
        resource.logging_configuration = s3.CfnBucket.LoggingConfigurationProperty(
            destination_bucket_name=logs.bucket_name,
            log_file_prefix="s3/queries/",
            target_object_key_format=s3.CfnBucket.TargetObjectKeyFormatProperty(
                partitioned_prefix=s3.CfnBucket.PartitionedPrefixProperty(partition_date_source="EventTime")
            ),
        )
    return bucket


def _expiry(rule: str, days: int) -> s3.LifecycleRule:
    return s3.LifecycleRule(
        id=rule,
        expiration=cdk.Duration.days(days),
        noncurrent_version_expiration=cdk.Duration.days(1),
        abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
    )
