"""The lake's bucket: everything of S3 that the configuration turns on, and who may not write to it."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.base import Site
from stacks.datalake.lifecycle import ZONES, archive_tiers, zone_rules
from stacks.datalake.settings import CorsRule, LakeSettings, ObjectLock

_METHODS = {
    "GET": s3.HttpMethods.GET,
    "HEAD": s3.HttpMethods.HEAD,
    "PUT": s3.HttpMethods.PUT,
    "POST": s3.HttpMethods.POST,
}
_ENCRYPTION = "s3:x-amz-server-side-encryption"
_KEY = "s3:x-amz-server-side-encryption-aws-kms-key-id"


def lake_bucket(scope: Construct, *, site: Site, key: kms.Key, logs: s3.Bucket) -> s3.Bucket:
    """The bucket of a region's lake. Its log bucket takes the access logs and the inventory."""
    lake = site.environment.lake
    bucket = s3.Bucket(
        scope,
        "Lake",
        bucket_name=site.names.lake_bucket(site.account, site.region),
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        bucket_key_enabled=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        versioned=True,
        lifecycle_rules=zone_rules(lake),
        intelligent_tiering_configurations=archive_tiers(lake.archive_tiers),
        cors=[_cors(rule) for rule in lake.cors],
        metrics=_metrics(lake),
        inventories=_inventories(lake, logs),
        # Create-only on AWS: adding a lock later replaces nothing but fails; see docs/data-lake.md.
        object_lock_enabled=True if lake.object_lock else None,
        object_lock_default_retention=_retention(lake.object_lock),
        server_access_logs_bucket=logs,
        server_access_logs_prefix="s3/lake/",
        target_object_key_format=s3.TargetObjectKeyFormat.partitioned_prefix(
            s3.PartitionDateSource.EVENT_TIME
        ),
        removal_policy=site.removal_policy,
    )
    if lake.events:
        _send_events(bucket)
    _refuse_foreign_encryption(bucket, key)
    return bucket


def _cors(rule: CorsRule) -> s3.CorsRule:
    return s3.CorsRule(
        allowed_origins=rule.origins,
        allowed_methods=[_METHODS[method] for method in rule.methods],
        allowed_headers=list(rule.headers),
        exposed_headers=["etag", "content-range", "x-amz-version-id"],
        max_age=rule.max_age_seconds,
    )


def _metrics(lake: LakeSettings) -> list[s3.BucketMetrics]:
    """Requests of the whole bucket and of each zone; each is a set of CloudWatch metrics that costs."""
    if not lake.request_metrics:
        return []
    zones = [s3.BucketMetrics(id=zone, prefix=f"{zone}/") for zone in ZONES]
    return [s3.BucketMetrics(id="EntireBucket"), *zones]


def _inventories(lake: LakeSettings, logs: s3.Bucket) -> list[s3.Inventory]:
    if lake.inventory is None:
        return []
    return [
        s3.Inventory(
            inventory_id="lake",
            destination=s3.InventoryDestination(bucket=logs, prefix="inventory"),
            frequency=s3.InventoryFrequency[lake.inventory.upper()],
            format=s3.InventoryFormat.PARQUET,
            include_object_versions=s3.InventoryObjectVersion.ALL,
            optional_fields=[
                "Size",
                "LastModifiedDate",
                "StorageClass",
                "EncryptionStatus",
                "BucketKeyStatus",
                "ReplicationStatus",
                "ObjectLockMode",
                "IntelligentTieringAccessTier",
            ],
        )
    ]


def _retention(lock: ObjectLock | None) -> s3.ObjectLockRetention | None:
    if lock is None:
        return None
    days = cdk.Duration.days(lock.days)
    if lock.mode == "compliance":
        return s3.ObjectLockRetention.compliance(days)
    return s3.ObjectLockRetention.governance(days)


def _send_events(bucket: s3.Bucket) -> None:
    """Object events to EventBridge. The CDK's own switch would add a Lambda that rewrites the bucket."""
    resource = bucket.node.default_child
    if isinstance(resource, s3.CfnBucket):
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                event_bridge_enabled=True
            )
        )


def _refuse_foreign_encryption(bucket: s3.Bucket, key: kms.Key) -> None:
    """A write without a header takes the bucket's own key; one that asks for anything else is refused.

    ``aws:kms`` without a key id would mean the account's ``aws/s3`` key, hence the third statement.
    """
    for sid, conditions in (
        (
            "RefuseOtherEncryption",
            {"Null": {_ENCRYPTION: "false"}, "StringNotEquals": {_ENCRYPTION: "aws:kms"}},
        ),
        ("RefuseForeignKey", {"Null": {_KEY: "false"}, "StringNotEquals": {_KEY: key.key_arn}}),
        ("RefuseUnnamedKey", {"Null": {_KEY: "true"}, "StringEquals": {_ENCRYPTION: "aws:kms"}}),
    ):
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid=sid,
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["s3:PutObject"],
                resources=[bucket.arn_for_objects("*")],
                conditions=conditions,
            )
        )
