"""The replication of one bucket, put and removed by a custom resource against moto's S3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.lambda_.custom_resource import event, load, response_url

INDEX = load("lake_replication")
LAKE, IRELAND, SINGAPORE = "lake-us-east-1", "lake-eu-west-1", "lake-ap-southeast-1"
ROLE = "arn:aws:iam::123456789012:role/lake-replication"


def rule(number: int, bucket: str, **changes: str) -> dict[str, str]:
    """A rule as CloudFormation hands it over."""
    return {
        "Id": f"to-{bucket}",
        "Priority": str(number),
        "Prefix": "",
        "Destination": f"arn:aws:s3:::{bucket}",
        "KeyArn": f"arn:aws:kms:eu-west-1:123456789012:key/{bucket}",
        "StorageClass": "STANDARD_IA",
        "DeleteMarkers": "false",
        "TimeControl": "false",
        **changes,
    }


def properties(*rules: dict[str, str]) -> dict[str, Any]:
    return {"ServiceToken": "arn", "Bucket": LAKE, "Role": ROLE, "Rules": list(rules)}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws(config={"core": {"passthrough": {"urls": [r"http://127\.0\.0\.1.*"]}}}):
        client = boto3.client("s3")
        for bucket in (LAKE, IRELAND, SINGAPORE):
            client.create_bucket(Bucket=bucket)
            client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        yield client


def ask(request: str, given: dict[str, Any]) -> dict[str, Any]:
    """Runs the function; what CloudFormation was told."""
    with response_url() as (url, answers):
        INDEX.handler(event(url, request, given), None)
    (answer,) = answers
    return answer


def stored(s3: Any) -> dict[str, Any]:
    found: dict[str, Any] = s3.get_bucket_replication(Bucket=LAKE)["ReplicationConfiguration"]
    return found


def test_create_gives_each_destination_one_filtered_rule_with_its_own_priority(s3: Any) -> None:
    answer = ask("Create", properties(rule(1, IRELAND), rule(2, SINGAPORE)))
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", f"replication-of-{LAKE}")
    rules = stored(s3)["Rules"]
    assert [(each["Priority"], each["Destination"]["Bucket"]) for each in rules] == [
        (1, f"arn:aws:s3:::{IRELAND}"),
        (2, f"arn:aws:s3:::{SINGAPORE}"),
    ]
    assert {each["Status"] for each in rules} == {"Enabled"}
    assert stored(s3)["Role"] == ROLE


def test_update_replaces_every_rule(s3: Any) -> None:
    ask("Create", properties(rule(1, IRELAND), rule(2, SINGAPORE)))
    ask("Update", properties(rule(1, SINGAPORE)))
    assert [each["ID"] for each in stored(s3)["Rules"]] == [f"to-{SINGAPORE}"]


def test_delete_removes_the_configuration(s3: Any) -> None:
    given = properties(rule(1, IRELAND))
    ask("Create", given)
    assert ask("Delete", given)["Status"] == "SUCCESS"
    with pytest.raises(ClientError, match="ReplicationConfigurationNotFound"):
        stored(s3)


def test_delete_succeeds_where_the_bucket_is_gone(s3: Any) -> None:
    s3.delete_bucket(Bucket=LAKE)
    assert ask("Delete", properties(rule(1, IRELAND)))["Status"] == "SUCCESS"


def test_refusal_of_s3_fails_the_deployment_with_its_reason(s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=LAKE, VersioningConfiguration={"Status": "Suspended"})
    answer = ask("Create", properties(rule(1, IRELAND)))
    assert answer["Status"] == "FAILED"
    assert "ersioning" in answer["Reason"]


@pytest.mark.parametrize(("change", "name"), [({"Id": "to-x"}, "ID"), ({"Priority": "1"}, "Priority")])
def test_rules_that_s3_could_not_tell_apart_are_refused(change: dict[str, str], name: str, s3: Any) -> None:
    answer = ask("Create", properties(rule(1, IRELAND, **change), rule(2, SINGAPORE, **change)))
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == f"two rules of {LAKE} have one {name}; give each its own"


def test_replica_is_encrypted_with_the_destinations_key() -> None:
    made = INDEX.rule(rule(1, IRELAND))
    assert made["SourceSelectionCriteria"]["SseKmsEncryptedObjects"] == {"Status": "Enabled"}
    assert made["Destination"]["EncryptionConfiguration"] == {
        "ReplicaKmsKeyID": f"arn:aws:kms:eu-west-1:123456789012:key/{IRELAND}"
    }


def test_changes_of_a_replica_do_not_travel_back() -> None:
    criteria = INDEX.rule(rule(1, IRELAND))["SourceSelectionCriteria"]
    assert criteria["ReplicaModifications"] == {"Status": "Disabled"}


@pytest.mark.parametrize(("given", "status"), [("true", "Enabled"), ("false", "Disabled")])
def test_delete_markers_travel_as_configured(given: str, status: str) -> None:
    made = INDEX.rule(rule(1, IRELAND, DeleteMarkers=given))
    assert made["DeleteMarkerReplication"] == {"Status": status}


def test_metrics_are_on_and_carry_a_threshold_with_time_control_only() -> None:
    plain, timed = (
        INDEX.rule(rule(1, IRELAND, TimeControl=each))["Destination"] for each in ("false", "true")
    )
    assert plain["Metrics"] == {"Status": "Enabled"}
    assert "ReplicationTime" not in plain
    assert timed["Metrics"] == {"Status": "Enabled", "EventThreshold": {"Minutes": 15}}
    assert timed["ReplicationTime"] == {"Status": "Enabled", "Time": {"Minutes": 15}}
