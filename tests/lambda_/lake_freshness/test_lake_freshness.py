"""The age of the lake's newest data, read from moto's S3 with a bounded number of requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from stacks.datalake.schemas import DATASETS
from tests.lambda_.custom_resource import load

INDEX = load("lake_freshness")
LAKE = "lake-eu-west-1"
(NEWS,) = [dataset for dataset in DATASETS if dataset.name == "news"]
DAY = 86_400


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "BUCKET": LAKE,
        "DATASETS": json.dumps({"news": {"prefix": NEWS.prefix, "hours": 24}}),
        "NAMESPACE": "RichesReach/prod/lake",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=LAKE, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield client


def put(s3: Any, days_ago: int, region: str = "eu-west-1", name: str = "a.jsonl") -> None:
    """An object of a day; it arrives now, as moto has it."""
    day = f"{datetime.now(UTC) - timedelta(days=days_ago):%Y-%m-%d}"
    s3.put_object(Bucket=LAKE, Key=f"{NEWS.partition(region, day)}{name}", Body=b"{}")


def requests(s3: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of S3 from now on."""
    seen: list[str] = []
    s3.meta.events.register("before-call.s3", lambda model, **_: seen.append(model.name))
    monkeypatch.setattr(INDEX.boto3, "client", lambda _service: s3)
    return seen


def test_age_is_that_of_the_newest_object(s3: Any) -> None:
    put(s3, 0)
    assert 0 <= INDEX.handler({}, None)["news"] < DAY


def test_object_of_another_region_makes_the_lake_fresh(s3: Any) -> None:
    put(s3, 0, region="us-east-1")
    assert INDEX.handler({}, None)["news"] < DAY


def test_empty_dataset_is_as_old_as_was_looked_back(s3: Any) -> None:
    assert INDEX.handler({}, None)["news"] == pytest.approx(3 * DAY)


def test_day_beyond_the_horizon_is_not_looked_at(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put(s3, 40)
    seen = requests(s3, monkeypatch)
    assert INDEX.handler({}, None)["news"] == pytest.approx(3 * DAY)
    assert seen == ["ListObjectsV2"] * 2  # the writers, the days of the one, and no object


def test_requests_are_one_for_the_writers_and_two_for_each_of_them(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in range(3):
        put(s3, days)
    seen = requests(s3, monkeypatch)
    INDEX.handler({}, None)
    assert seen == ["ListObjectsV2"] * 3


def test_pages_of_a_full_day_are_bounded(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(INDEX, "PAGES", 1)
    for number in range(1001):
        put(s3, 0, name=f"{number}.jsonl")
    seen = requests(s3, monkeypatch)
    INDEX.handler({}, None)
    assert seen == ["ListObjectsV2"] * 3


def test_age_is_written_as_a_data_point(s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    put(s3, 0)
    ages = INDEX.handler({}, None)
    line = json.loads(capsys.readouterr().out)
    (made,) = line["_aws"]["CloudWatchMetrics"]
    assert made["Namespace"] == "RichesReach/prod/lake"
    assert made["Dimensions"] == [["Dataset"]]
    assert made["Metrics"] == [{"Name": "LakeAgeSeconds", "Unit": "Seconds"}]
    assert line["Dataset"] == "news"
    assert line["LakeAgeSeconds"] == pytest.approx(ages["news"], abs=0.001)
