"""The lake's bucket: every option as configured, the documented defaults, and the writes that it refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from stacks.datalake.settings import LakeSettings, LakeZones
from stacks.environment import load_environment
from stacks.yaml_file import ROOT
from tests.stacks.assembly import Assembly, Resource
from tests.stacks.lake import HOME, REGIONS, ZONES, lake


def test_every_documented_default_is_the_codes() -> None:
    defaults = LakeSettings()
    text = (ROOT / "docs" / "data-lake.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `lake\.([a-z_.]+)` \| ([^|]+?) \|", text, flags=re.MULTILINE))
    expected = {
        **{
            f"zones.{zone}.{step}": "—" if value is None else str(value)
            for zone in LakeZones.model_fields
            for step, value in getattr(defaults.zones, zone)
        },
        **{
            name: _written(getattr(defaults, name))
            for name in LakeSettings.model_fields
            if name not in ("zones", "query", "replication")
        },
        **{f"query.{name}": _written(value) for name, value in defaults.query},
        **{f"replication.{name}": _written(value) for name, value in defaults.replication},
    }
    assert documented == expected


def _written(value: Any) -> str:
    if value in (None, (), ""):
        return "—"
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def test_noncurrent_versions_expire_and_interrupted_uploads_are_aborted(prod: Assembly) -> None:
    rules = lake(prod).properties["LifecycleConfiguration"]["Rules"]
    settings = load_environment("prod").lake
    zones = [rule for rule in rules if rule.get("Prefix") and rule["Prefix"] != "state/"]
    assert {rule["NoncurrentVersionExpiration"]["NoncurrentDays"] for rule in zones} == {
        settings.noncurrent_days
    }
    (abort,) = [rule for rule in rules if "AbortIncompleteMultipartUpload" in rule]
    assert abort["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": settings.abort_upload_days}


def test_files_that_a_larger_one_replaced_expire_and_no_others(prod: Assembly) -> None:
    rules = lake(prod).properties["LifecycleConfiguration"]["Rules"]
    (rule,) = [each for each in rules if "ExpirationInDays" in each]
    assert rule["TagFilters"] == [{"Key": "replaced", "Value": "true"}]
    assert rule["ExpirationInDays"] == load_environment("prod").lake.replaced_days


def test_older_versions_of_a_regions_state_go_after_a_day(prod: Assembly) -> None:
    rules = lake(prod).properties["LifecycleConfiguration"]["Rules"]
    (rule,) = [each for each in rules if each.get("Prefix") == "state/"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


def test_newest_noncurrent_versions_are_kept_where_configured(optioned: Assembly) -> None:
    rules = lake(optioned).properties["LifecycleConfiguration"]["Rules"]
    rules = [rule for rule in rules if rule.get("Prefix") and rule["Prefix"] != "state/"]
    assert {rule["NoncurrentVersionExpiration"]["NewerNoncurrentVersions"] for rule in rules} == {3}


def test_access_logs_are_partitioned_by_the_date_of_the_request(prod: Assembly) -> None:
    logging = lake(prod).properties["LoggingConfiguration"]
    assert logging["LogFilePrefix"] == "s3/lake/"
    assert logging["TargetObjectKeyFormat"] == {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}


def test_inventory_goes_to_the_log_bucket(prod: Assembly, optioned: Assembly) -> None:
    (inventory,) = lake(prod).properties["InventoryConfigurations"]
    logs = prod.one(
        HOME, "datalake", "AWS::S3::Bucket", BucketName=f"richesreach-prod-logs-111111111111-{HOME}"
    )
    assert inventory["Destination"]["BucketArn"] == {"Fn::GetAtt": [logs.logical_id, "Arn"]}
    assert (inventory["ScheduleFrequency"], inventory["Destination"]["Format"]) == ("Daily", "Parquet")
    assert "InventoryConfigurations" not in lake(optioned).properties


def test_requests_are_measured_for_the_bucket_and_each_zone(prod: Assembly, optioned: Assembly) -> None:
    metrics = {each["Id"]: each.get("Prefix") for each in lake(prod).properties["MetricsConfigurations"]}
    assert metrics == {"EntireBucket": None, **{zone: f"{zone}/" for zone in ZONES}}
    assert "MetricsConfigurations" not in lake(optioned).properties


def test_events_go_to_eventbridge_without_a_function_of_the_cdk(prod: Assembly, optioned: Assembly) -> None:
    notified = lake(prod).properties["NotificationConfiguration"]
    assert notified == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert not prod.all(HOME, "datalake", "AWS::Lambda::Function")
    assert "NotificationConfiguration" not in lake(optioned).properties


def test_browsers_of_the_configured_origins_may_read(prod: Assembly) -> None:
    (rule,) = lake(prod).properties["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == ["https://richesreach.example"]
    assert rule["AllowedMethods"] == ["GET", "HEAD"]


def test_object_lock_is_off_unless_configured(prod: Assembly, optioned: Assembly) -> None:
    assert "ObjectLockEnabled" not in lake(prod).properties
    locked = lake(optioned).properties
    assert locked["ObjectLockEnabled"] is True
    assert locked["ObjectLockConfiguration"]["Rule"] == {
        "DefaultRetention": {"Days": 400, "Mode": "GOVERNANCE"}
    }


def test_intelligent_tiering_takes_a_zone_and_archives_what_nobody_reads(optioned: Assembly) -> None:
    rules = lake(optioned).properties["LifecycleConfiguration"]["Rules"]
    (rule,) = [each for each in rules if each.get("Prefix") == "processed/"]
    assert rule["Transitions"] == [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 1}]
    (tiers,) = lake(optioned).properties["IntelligentTieringConfigurations"]
    assert {tier["AccessTier"]: tier["Days"] for tier in tiers["Tierings"]} == {
        "ARCHIVE_ACCESS": 90,
        "DEEP_ARCHIVE_ACCESS": 180,
    }


@pytest.mark.parametrize("region", REGIONS)
def test_writes_that_name_no_key_or_another_are_refused(region: str, prod: Assembly) -> None:
    own = lake(prod, region).logical_id
    key = prod.one(region, "datalake", "AWS::KMS::Key").logical_id
    policy = prod.one(region, "datalake", "AWS::S3::BucketPolicy", Bucket={"Ref": own})
    named = {s["Sid"]: s for s in policy.properties["PolicyDocument"]["Statement"] if "Sid" in s}
    sse, sse_key = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
    assert {sid: s["Condition"] for sid, s in named.items()} == {
        "RefuseOtherEncryption": {"Null": {sse: "false"}, "StringNotEquals": {sse: "aws:kms"}},
        "RefuseForeignKey": {
            "Null": {sse_key: "false"},
            "StringNotEquals": {sse_key: {"Fn::GetAtt": [key, "Arn"]}},
        },
        "RefuseUnnamedKey": {"Null": {sse_key: "true"}, "StringEquals": {sse: "aws:kms"}},
    }
    assert {(s["Effect"], s["Action"]) for s in named.values()} == {("Deny", "s3:PutObject")}


def test_no_statement_of_a_policy_repeats_a_sid(prod: Assembly) -> None:
    for resource in _policies(prod):
        document_ = resource.properties.get("PolicyDocument") or resource.properties["KeyPolicy"]
        sids = [s["Sid"] for s in document_["Statement"] if "Sid" in s]
        assert len(set(sids)) == len(sids), resource.logical_id


def _policies(assembly: Assembly) -> Iterator[Resource]:
    for area in ("datalake", "lake-catalogue", "lake-replication"):
        for kind in ("AWS::S3::BucketPolicy", "AWS::KMS::Key", "AWS::IAM::ManagedPolicy"):
            yield from assembly.all(HOME, area, kind)
