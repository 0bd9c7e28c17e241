"""Trail, analyzers, the account's baseline, the boundary: what records and limits what is done."""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import Any

import pytest

from stacks.environment import load_environment
from stacks.errors import ConfigurationError
from stacks.security.rules import GLOBAL_RULES, RULES
from tests.stacks import environments
from tests.stacks.assembly import Assembly

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
LAKE = "richesreach-prod-lake-111111111111-{}"
HOME = "us-east-1"


def statements(policy: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Statements of a policy by their Sid."""
    return {statement.get("Sid", ""): statement for statement in policy["Statement"]}


def test_one_signed_and_encrypted_trail_sees_every_region(prod: Assembly) -> None:
    trail = prod.one(HOME, "security", "AWS::CloudTrail::Trail").properties
    assert trail["IsMultiRegionTrail"] is True
    assert trail["IncludeGlobalServiceEvents"] is True
    assert trail["EnableLogFileValidation"] is True
    assert trail["KMSKeyId"]
    assert trail["IsLogging"] is True
    for region in REGIONS[1:]:
        assert not prod.all(region, "security", "AWS::CloudTrail::Trail")


def test_trail_records_who_touched_an_object_of_any_regions_lake(prod: Assembly) -> None:
    trail = prod.one(HOME, "security", "AWS::CloudTrail::Trail").properties
    data = [each for each in trail["AdvancedEventSelectors"] if each["Name"] == "lake objects"]
    fields = {field["Field"]: field for field in data[0]["FieldSelectors"]}
    (start,) = fields["resources.ARN"]["StartsWith"]
    for region in REGIONS:
        name = prod.one(region, "datalake", "AWS::S3::Bucket", BucketName=LAKE.format(region)).properties
        assert f"arn:aws:s3:::{name['BucketName']}/".startswith(start)
    assert start == f"arn:aws:s3:::{LAKE.format('')}"


def test_trail_delivers_where_the_audit_bucket_admits_it_and_nobody_elses(prod: Assembly) -> None:
    trail = prod.one(HOME, "security", "AWS::CloudTrail::Trail").properties
    said = statements(prod.one(HOME, "security-state", "AWS::S3::BucketPolicy").properties["PolicyDocument"])
    arn = "arn:aws:cloudtrail:us-east-1:111111111111:trail/" + trail["TrailName"]
    for sid in ("TrailChecksTheBucket", "TrailDelivers"):
        assert said[sid]["Condition"]["StringEquals"]["aws:SourceArn"] == arn
    admitted = said["TrailDelivers"]["Resource"]["Fn::Join"][1][-1]
    assert admitted == f"/{trail['S3KeyPrefix']}/AWSLogs/111111111111/*"


def test_log_bucket_admits_the_access_log_of_the_audit_bucket(prod: Assembly) -> None:
    policies = [p.properties["PolicyDocument"] for p in prod.all(HOME, "datalake", "AWS::S3::BucketPolicy")]
    (said,) = [found["AuditAccessLog"] for found in map(statements, policies) if "AuditAccessLog" in found]
    bucket = prod.one(HOME, "security-state", "AWS::S3::Bucket").properties
    prefix = bucket["LoggingConfiguration"]["LogFilePrefix"]
    assert said["Resource"]["Fn::Join"][1][-1] == f"/{prefix}*"
    assert said["Condition"]["ArnLike"]["aws:SourceArn"] == f"arn:aws:s3:::{bucket['BucketName']}"


def test_audit_record_cannot_be_deleted_before_its_lock_ends(prod: Assembly) -> None:
    bucket = prod.one(HOME, "security-state", "AWS::S3::Bucket").properties
    lock = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert bucket["ObjectLockEnabled"] is True
    assert lock == {"Days": 365, "Mode": "COMPLIANCE"}


def test_trail_left_out_by_the_file_is_not_there(dev: Assembly) -> None:
    assert not dev.all(HOME, "security", "AWS::CloudTrail::Trail")


def test_each_region_has_its_analyzer_of_external_access(prod: Assembly) -> None:
    for region in REGIONS:
        types = [a.properties["Type"] for a in prod.all(region, "security", "AWS::AccessAnalyzer::Analyzer")]
        assert sorted(types) == ["ACCOUNT", "ACCOUNT_UNUSED_ACCESS"][: 2 if region == HOME else 1]


@pytest.mark.parametrize("region", REGIONS)
def test_baseline_watches_every_region(region: str, prod: Assembly) -> None:
    detector = prod.one(region, "security", "AWS::GuardDuty::Detector").properties
    assert {feature["Name"] for feature in detector["Features"] if feature["Status"] == "ENABLED"} == {
        "S3_DATA_EVENTS",
        "RDS_LOGIN_EVENTS",
        "LAMBDA_NETWORK_LOGS",
        "RUNTIME_MONITORING",
    }
    recorder = prod.one(region, "security", "AWS::Config::ConfigurationRecorder").properties
    assert recorder["RecordingGroup"] == {
        "AllSupported": True,
        "IncludeGlobalResourceTypes": region == HOME,
    }
    prod.one(region, "security", "AWS::SecurityHub::Hub")
    standards = prod.all(region, "security", "AWS::SecurityHub::Standard")
    assert len(standards) == len(load_environment("prod").security.standards)
    assert all(f":{region}:" in standard.properties["StandardsArn"] for standard in standards)


@pytest.mark.parametrize("region", REGIONS)
def test_config_checks_what_the_stacks_promise(region: str, prod: Assembly) -> None:
    rules = prod.all(region, "security", "AWS::Config::ConfigRule")
    identifiers = {rule.properties["Source"]["SourceIdentifier"] for rule in rules}
    assert identifiers == {*RULES, *(GLOBAL_RULES if region == HOME else ())}
    recorder = prod.one(region, "security", "AWS::Config::ConfigurationRecorder").logical_id
    assert all(recorder in rule.depends_on for rule in rules)


def test_recorder_and_channel_wait_for_the_right_to_deliver_and_not_for_each_other(prod: Assembly) -> None:
    for region in REGIONS:
        recorder = prod.one(region, "security", "AWS::Config::ConfigurationRecorder")
        channel = prod.one(region, "security", "AWS::Config::DeliveryChannel")
        delivery = prod.one(
            region,
            "security",
            "AWS::IAM::ManagedPolicy",
            Description="AWS Config delivers to the audit bucket",
        ).logical_id
        assert delivery in recorder.depends_on
        assert delivery in channel.depends_on
        assert channel.logical_id not in recorder.depends_on
        assert recorder.logical_id not in channel.depends_on


@pytest.mark.parametrize("environment", ["local", "dev", "staging"])
def test_no_other_environment_has_the_baseline(environment: str, request: pytest.FixtureRequest) -> None:
    assembly: Assembly = request.getfixturevalue(environment)
    for template in assembly.templates.values():
        kinds = {resource["Type"] for resource in template.get("Resources", {}).values()}
        assert not [
            kind
            for kind in kinds
            if kind.startswith(("AWS::GuardDuty", "AWS::Config::", "AWS::Sec"))
            and kind != "AWS::SecretsManager::Secret"
            and "SecretsManager" not in kind
        ]


def test_baseline_in_two_files_is_refused(tmp_path: Path) -> None:
    environments.write(tmp_path, environments.document())
    second = environments.put(environments.document(), "name", "other")
    environments.write(tmp_path, second, "other")
    with pytest.raises(ConfigurationError, match=r"security.account_baseline: is true in .*other.yaml too"):
        load_environment("prod", tmp_path)


def test_baseline_in_one_file_is_taken_whatever_the_others_say(tmp_path: Path) -> None:
    environments.write(tmp_path, environments.document())
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "broken.yaml").write_text("security: [")
    assert load_environment("prod", tmp_path).security.account_baseline


def boundary(assembly: Assembly, region: str) -> dict[str, dict[str, Any]]:
    policy = assembly.one(region, "boundary", "AWS::IAM::ManagedPolicy").properties
    return statements(policy["PolicyDocument"])


def denied(said: dict[str, dict[str, Any]], action: str) -> bool:
    """Whether an unconditional denial matches the action."""
    return any(
        fnmatch.fnmatchcase(action.lower(), pattern.lower())
        for statement in said.values()
        if statement["Effect"] == "Deny" and "Condition" not in statement
        for pattern in statement["Action"]
    )


@pytest.mark.parametrize(
    "action",
    [
        "iam:CreateUser",
        "iam:CreateAccessKey",
        "iam:CreateRole",
        "iam:AttachRolePolicy",
        "iam:PutRolePolicy",
        "iam:DeleteRolePermissionsBoundary",
        "iam:PutRolePermissionsBoundary",
        "iam:CreatePolicyVersion",
        "iam:SetDefaultPolicyVersion",
        "iam:UpdateAssumeRolePolicy",
        "cloudtrail:StopLogging",
        "cloudtrail:DeleteTrail",
        "cloudtrail:PutEventSelectors",
        "guardduty:DeleteDetector",
        "guardduty:UpdateDetector",
        "config:StopConfigurationRecorder",
        "config:DeleteDeliveryChannel",
        "securityhub:DisableSecurityHub",
        "backup:DeleteRecoveryPoint",
        "kms:ScheduleKeyDeletion",
        "kms:DisableKeyRotation",
    ],
)
def test_no_role_can(action: str, prod: Assembly) -> None:
    for region in REGIONS:
        assert denied(boundary(prod, region), action)


@pytest.mark.parametrize(
    "action",
    [
        "iam:PassRole",
        "iam:GetRole",
        "iam:ListUsers",
        "iam:CreateServiceLinkedRole",
        "ecs:RunTask",
        "s3:PutObject",
        "kms:Decrypt",
        "rds:FailoverGlobalCluster",
        "backup:StartCopyJob",
        "config:PutEvaluations",
    ],
)
def test_boundary_leaves_what_services_need(action: str, prod: Assembly) -> None:
    for region in REGIONS:
        said = boundary(prod, region)
        assert said["WhatItsPoliciesAllow"]["Effect"] == "Allow"
        assert not denied(said, action)


def test_no_role_leaves_the_platforms_regions(prod: Assembly) -> None:
    stay = boundary(prod, "eu-west-1")["StayInTheRegions"]
    assert stay["Effect"] == "Deny"
    assert stay["Condition"] == {"StringNotEquals": {"aws:RequestedRegion": load_environment("prod").reach}}


def test_edge_functions_may_log_wherever_they_run(prod: Assembly) -> None:
    stay = boundary(prod, "us-east-1")["StayInTheRegions"]
    assert {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"} <= set(stay["NotAction"])


def test_boundary_admits_us_east_1_where_the_edge_is_although_no_service_runs_there(
    single: Assembly,
) -> None:
    for region in ("eu-central-1", "us-east-1"):
        stay = boundary(single, region)["StayInTheRegions"]
        assert stay["Condition"]["StringNotEquals"]["aws:RequestedRegion"] == ["eu-central-1", "us-east-1"]


def test_trail_of_management_events_alone_names_no_lake(optioned: Assembly) -> None:
    trail = optioned.one(HOME, "security", "AWS::CloudTrail::Trail").properties
    assert [each["Name"] for each in trail["AdvancedEventSelectors"]] == ["management"]
    assert "InsightSelectors" not in trail
