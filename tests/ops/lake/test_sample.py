"""Samples: under every prefix of the requirements, the same from the same seed, and known as samples."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import fastjsonschema
import pytest
from rich.console import Console

from ops.errors import OperationError, UsageError
from ops.lake import sample
from ops.lake.sample_records import records
from ops.lake.site import Lake, lakes
from stacks.datalake.schemas import DATASETS, Dataset

from .conftest import BUCKET, REGION, fill, made

#: The folders of the lake that the requirements draw.
REQUIRED = (
    "raw/market_data/polygon/",
    "raw/market_data/finnhub/",
    "raw/market_data/coingecko/",
    "raw/news/",
    "raw/sentiment/",
    "processed/features/technical_indicators/",
    "processed/features/fundamental_data/",
    "processed/features/sentiment_scores/",
    "processed/ml_models/training_data/",
    "processed/ml_models/model_artifacts/",
    "processed/ml_models/predictions/",
    "curated/daily_summaries/",
    "curated/portfolio_analytics/",
    "curated/risk_metrics/",
    "metadata/schemas/",
    "metadata/lineage/",
    "metadata/quality_checks/",
)
DAY = date(2026, 1, 5)


@pytest.fixture(scope="module")
def keys() -> list[str]:
    """Of everything in a lake as `up` leaves it."""
    with made() as lake:
        fill(lake, datetime.now(UTC))
        pages = lake.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return [found["Key"] for page in pages for found in page["Contents"]]


@pytest.mark.parametrize("prefix", REQUIRED)
def test_prefix_holds_an_object(prefix: str, keys: list[str]) -> None:
    assert [key for key in keys if key.startswith(prefix)]


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda each: each.name)
def test_every_record_says_that_it_is_a_sample_and_fits_its_schema(dataset: Dataset) -> None:
    validate = fastjsonschema.compile(dataset.schema.document)
    made = records(dataset, REGION, DAY, seed=1)
    assert made
    for record in made:
        validate(record)
        assert record["origin"] == "sample"


def test_same_seed_makes_the_same_records() -> None:
    dataset = DATASETS[0]
    assert records(dataset, REGION, DAY, seed=1) == records(dataset, REGION, DAY, seed=1)
    assert records(dataset, REGION, DAY, seed=1) != records(dataset, REGION, DAY, seed=2)


def test_loading_twice_a_day_changes_no_record(lake: Lake) -> None:
    key = f"{DATASETS[0].partition(REGION, f'{datetime.now(UTC):%Y-%m-%d}')}sample.jsonl"
    before = lake.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    sample.write(lake, datetime.now(UTC))
    assert lake.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == before


def test_high_and_low_bound_the_other_prices_of_a_bar() -> None:
    for record in records(DATASETS[0], REGION, DAY, seed=1):
        prices = (record["open"], record["close"])
        assert record["low"] <= min(prices) <= max(prices) <= record["high"]


def test_lineage_of_the_load_names_what_was_written(lake: Lake) -> None:
    (listed,) = lake.s3.list_objects_v2(Bucket=BUCKET, Prefix="metadata/lineage/")["Contents"]
    event = json.loads(lake.s3.get_object(Bucket=BUCKET, Key=listed["Key"])["Body"].read())
    assert (event["eventType"], event["job"]["name"]) == ("COMPLETE", "lake.sample")
    assert {each["name"] for each in event["outputs"]} == {each.prefix.rstrip("/") for each in DATASETS}


def test_protected_environment_takes_no_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.account.of_caller", lambda _: "123456789012")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with pytest.raises(UsageError, match="prod is protected"):
        sample.load(Console(), "prod")


def test_unknown_region_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="'mars' is no region of local; choose one of us-east-1"):
        lakes("local", "mars")


def test_bucket_that_is_not_there_is_one_error(empty: Lake) -> None:
    with pytest.raises(OperationError, match="s3://no-such-lake does not take the samples"):
        sample.write(Lake(empty.s3, "no-such-lake", REGION), datetime.now(UTC))
