"""A check passes over the samples and names by key and reason whatever is wrong."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ops.errors import OperationError
from ops.lake.check import Outcome, check
from ops.lake.columnar import to_parquet
from ops.lake.rules import Problem
from ops.lake.sample_records import records
from ops.lake.site import Lake
from stacks.datalake.schemas import DATASETS, Dataset, Field

from .conftest import BUCKET, REGION


def dataset(name: str) -> Dataset:
    return {each.name: each for each in DATASETS}[name]


POLYGON = dataset("market_data_polygon")
BARS = dataset("bars")


def sound(now: datetime) -> list[dict[str, Any]]:
    """Records of no sample that is loaded already."""
    return records(POLYGON, REGION, (now - timedelta(days=30)).date(), seed=1)


def list_parquet(lake: Lake, now: datetime, body: bytes) -> str:
    """Put a file of bars and let a manifest name it; gives its key."""
    day = f"{now:%Y-%m-%d}"
    key = f"{BARS.partition(REGION, day, 1)}given.parquet"
    lake.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    manifest = f"{BARS.manifest_partition(REGION, day, 1)}given.txt"
    lake.s3.put_object(Bucket=BUCKET, Key=manifest, Body=f"s3://{BUCKET}/{key}\n".encode())
    return key


def put(lake: Lake, now: datetime, name: str, body: bytes) -> str:
    key = f"{POLYGON.partition(REGION, f'{now:%Y-%m-%d}')}{name}"
    lake.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return key


def lines(made: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in made).encode()


def problems(lake: Lake, now: datetime, zone: str | None = "raw") -> list[Problem]:
    return [problem for outcome in check(lake, zone, 50, now) for problem in outcome.problems]


def test_samples_pass(lake: Lake, now: datetime) -> None:
    outcomes = check(lake, None, 50, now)
    assert [problem for outcome in outcomes for problem in outcome.problems] == []
    assert {outcome.dataset for outcome in outcomes} == {each.name for each in DATASETS} | {"schemas"}
    assert all(outcome.records > 0 for outcome in outcomes if outcome.dataset != "schemas")


def test_broken_record_is_named_with_key_line_and_reason(lake: Lake, now: datetime) -> None:
    made = sound(now)
    made[1]["volume"] = "many"
    key = put(lake, now, "broken.jsonl", lines(made))
    (problem,) = problems(lake, now)
    assert problem == Problem(POLYGON.name, key, "schema", "line 2: volume must be number")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{\n", "line 1: is no JSON: "),
        (b"", "holds no record"),
        (b"\xff\xfe", "is neither UTF-8 text nor gzip of it: "),
    ],
    ids=["no JSON", "empty", "no text"],
)
def test_object_that_cannot_be_read_is_named(body: bytes, reason: str, lake: Lake, now: datetime) -> None:
    key = put(lake, now, "broken.jsonl", body)
    (problem,) = problems(lake, now)
    assert (problem.key, problem.rule) == (key, "schema")
    assert problem.reason.startswith(reason)


def test_gzip_that_is_none_is_named(lake: Lake, now: datetime) -> None:
    key = put(lake, now, "broken.jsonl.gz", b"plain")
    (problem,) = problems(lake, now)
    assert (problem.key, problem.rule) == (key, "schema")


def test_gzip_is_unpacked(lake: Lake, now: datetime) -> None:
    put(lake, now, "packed.jsonl.gz", gzip.compress(lines(sound(now))))
    assert problems(lake, now) == []


def test_parquet_that_no_manifest_names_is_passed_over(lake: Lake, now: datetime) -> None:
    key = f"{BARS.partition(REGION, f'{now:%Y-%m-%d}', 0)}unfinished.parquet"
    lake.s3.put_object(Bucket=BUCKET, Key=key, Body=b"half of a file")
    assert problems(lake, now, "processed") == []


def test_parquet_with_another_column_than_the_tables_is_named(lake: Lake, now: datetime) -> None:
    fields = [each for each in BARS.schema.fields if each.name != "volume"]
    shorter = replace(BARS.schema, fields=(*fields, Field("volume", "double", "units")))
    body = to_parquet(shorter, records(BARS, REGION, now.date(), seed=1))
    key = list_parquet(lake, now, body)
    assert problems(lake, now, "processed") == [
        Problem("bars", key, "schema", "column volume is DOUBLE, must be DECIMAL(28,8)")
    ]


def test_broken_parquet_is_named(lake: Lake, now: datetime) -> None:
    key = list_parquet(lake, now, b"no Parquet at all")
    (problem,) = problems(lake, now, "processed")
    assert (problem.key, problem.rule) == (key, "schema")


def test_missing_and_unknown_columns_are_named(lake: Lake, now: datetime) -> None:
    made = sound(now)
    del made[0]["close"]
    made[1]["price"] = 1
    put(lake, now, "broken.jsonl", lines(made))
    reasons = [problem.reason for problem in problems(lake, now)]
    assert "close" in reasons[0]
    assert "price" in reasons[1]


def test_value_out_of_range_is_a_quality_problem(lake: Lake, now: datetime) -> None:
    made = sound(now)
    made[0]["low"] = -1
    key = put(lake, now, "range.jsonl", lines(made))
    assert problems(lake, now) == [Problem(POLYGON.name, key, "range", "line 1: low is -1, less than 0")]


def test_too_many_nulls_are_counted(lake: Lake, now: datetime) -> None:
    made = [record | {"vwap": None} for record in sound(now)]
    key = put(lake, now, "nulls.jsonl", lines(made))
    assert problems(lake, now) == [
        Problem(POLYGON.name, key, "null", "vwap is null in 12 of 12 records; at most 50%")
    ]


def test_duplicate_names_where_the_first_stands(lake: Lake, now: datetime) -> None:
    first = put(lake, now, "a.jsonl", lines(sound(now)))
    second = put(lake, now, "b.jsonl", lines(sound(now)[:1]))
    (problem,) = problems(lake, now)
    assert (problem.key, problem.rule) == (second, "duplicate")
    assert problem.reason.endswith(f"stands in {first} line 1 already")


def test_stale_dataset_names_its_newest_object_and_age(lake: Lake, now: datetime) -> None:
    found = problems(lake, now + timedelta(hours=30))
    assert {problem.rule for problem in found} == {"freshness"}
    assert {problem.dataset for problem in found} == {each.name for each in DATASETS if each.zone == "raw"}
    assert found[0].key.endswith("sample.jsonl")
    assert found[0].reason == "the newest object is 30 h old; at most 24 h"


def test_dataset_within_its_hours_is_fresh(lake: Lake, now: datetime) -> None:
    assert problems(lake, now + timedelta(hours=23)) == []


def test_dataset_without_an_object_is_not_fresh(lake: Lake, now: datetime) -> None:
    listed = lake.s3.list_objects_v2(Bucket=BUCKET, Prefix=POLYGON.prefix)["Contents"]
    for each in listed:
        lake.s3.delete_object(Bucket=BUCKET, Key=each["Key"])
    (problem,) = problems(lake, now)
    assert (problem.key, problem.rule) == (POLYGON.prefix, "freshness")


def test_replica_of_another_region_is_left_to_that_region(lake: Lake, now: datetime) -> None:
    key = POLYGON.partition("us-east-1", f"{now:%Y-%m-%d}") + "broken.jsonl"
    lake.s3.put_object(Bucket=BUCKET, Key=key, Body=b"{")
    assert problems(lake, now) == []


def test_only_the_newest_objects_are_read_where_there_are_many(lake: Lake, now: datetime) -> None:
    outcomes = {each.dataset: each for each in check(lake, "raw", 1, now)}
    assert outcomes[POLYGON.name].objects == 1


def test_schema_that_was_not_published_is_named_with_the_mend(lake: Lake, now: datetime) -> None:
    lake.s3.delete_object(Bucket=BUCKET, Key="metadata/schemas/news.json")
    (problem,) = problems(lake, now)
    assert problem.key == "metadata/schemas/news.json"
    assert problem.reason == "is missing; deploy the stack lake-catalogue"


def test_published_schema_that_is_not_this_checkouts_is_named(lake: Lake, now: datetime) -> None:
    lake.s3.put_object(Bucket=BUCKET, Key="metadata/schemas/news.json", Body=b"{}")
    (problem,) = problems(lake, now, "metadata")
    assert problem.reason.startswith("differs from stacks/datalake/schemas")


def _written(lake: Lake, prefix: str) -> list[dict[str, Any]]:
    listed = lake.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]
    bodies = [lake.s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in listed]
    return [json.loads(body) for body in bodies]


def test_result_is_written_with_every_problem(lake: Lake, now: datetime) -> None:
    key = put(lake, now, "broken.jsonl", b"{")
    check(lake, "raw", 50, now)
    (written,) = [each for each in _written(lake, "metadata/quality_checks/") if each["origin"] == "live"]
    assert written["passed"] is False
    named = [problem["key"] for each in written["datasets"] for problem in each["problems"]]
    assert named == [key]


@pytest.mark.parametrize(("body", "kind"), [(b"{", "FAIL"), (None, "COMPLETE")])
def test_lineage_names_what_was_read_and_how_it_ended(
    body: bytes | None, kind: str, lake: Lake, now: datetime
) -> None:
    if body is not None:
        put(lake, now, "broken.jsonl", body)
    check(lake, "raw", 50, now)
    (event,) = [each for each in _written(lake, "metadata/lineage/") if each["job"]["name"] == "lake.check"]
    assert event["eventType"] == kind
    assert {each["name"] for each in event["inputs"]} == {
        each.prefix.rstrip("/") for each in DATASETS if each.zone == "raw"
    }
    rules = {
        each["assertion"]: each["success"]
        for each in event["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    }
    assert rules["schema"] is (body is None)
    assert rules["range"] is True


def test_lake_that_does_not_exist_is_one_error(empty: Lake, now: datetime) -> None:
    with pytest.raises(OperationError, match="s3://no-such-lake does not answer"):
        check(Lake(empty.s3, "no-such-lake", REGION), None, 50, now)


def test_outcome_without_problems_passes() -> None:
    assert Outcome(REGION, "news", 0, 0, None, ()).passed
    assert not Outcome(REGION, "news", 0, 0, None, (Problem("news", "k", "schema", "r"),)).passed
