"""Objects of one person leave a versioned bucket for good."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

PREFIXES = ("raw/user_events/", "processed/user_events/")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lake", ObjectLockEnabledForBucket=True)
        for key in (
            "raw/user_events/subject=ada/1.json",
            "raw/user_events/subject=ada/1.json",
            "raw/user_events/subject=ada/2.json",
            "raw/user_events/subject=adam/1.json",
            "raw/market_data/1.json",
        ):
            client.put_object(Bucket="lake", Key=key, Body=b"{}")
        client.delete_object(Bucket="lake", Key="raw/user_events/subject=ada/2.json")
        yield client


def erase(lake: ModuleType, s3: Any, **options: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {"dry_run": False, "so_far": {}, "in_time": lambda: True}
    answer: dict[str, Any] = lake.erase(lake.Bucket(s3, "lake"), PREFIXES, "ada", **{**defaults, **options})
    return answer


def left(s3: Any) -> list[str]:
    listed = s3.list_object_versions(Bucket="lake")
    return sorted(each["Key"] for each in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])])


def test_every_version_and_marker_goes_and_nobody_elses_object(lake: ModuleType, s3: Any) -> None:
    assert erase(lake, s3) == {"done": True, "erased": {"raw/user_events/": 4, "processed/user_events/": 0}}
    assert left(s3) == ["raw/market_data/1.json", "raw/user_events/subject=adam/1.json"]


def test_second_erasure_finds_nothing(lake: ModuleType, s3: Any) -> None:
    erase(lake, s3)
    assert erase(lake, s3)["erased"] == {"raw/user_events/": 0, "processed/user_events/": 0}


def test_dry_run_counts_and_leaves_all(lake: ModuleType, s3: Any) -> None:
    before = left(s3)
    assert erase(lake, s3, dry_run=True)["erased"]["raw/user_events/"] == 4
    assert left(s3) == before


def test_run_without_time_says_that_it_is_not_done(lake: ModuleType, s3: Any) -> None:
    first = erase(lake, s3, in_time=lambda: False)
    assert first["done"] is False
    assert erase(lake, s3, so_far=first)["erased"]["raw/user_events/"] == 4


def test_locked_object_fails_without_the_subjects_name(lake: ModuleType) -> None:
    class Refusing:
        """S3's answer for a version under an object lock (DeleteObjects, S3 API reference)."""

        def delete_objects(self, **_: Any) -> dict[str, Any]:
            error = {
                "Key": "raw/user_events/subject=ada/1.json",
                "Code": "AccessDenied",
                "Message": "Access Denied",
            }
            return {"Errors": [error]}

    with pytest.raises(lake.LakeRefusedError, match="lake kept 1 of 1 versions: AccessDenied") as refused:
        lake.Bucket(Refusing(), "lake").delete([{"Key": "k", "VersionId": "v"}])
    assert "ada" not in str(refused.value)
