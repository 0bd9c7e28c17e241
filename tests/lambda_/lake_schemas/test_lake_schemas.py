"""The schemas of the lake, published by a custom resource into moto's S3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from stacks.datalake.schemas import documents
from tests.lambda_.custom_resource import event, load, response_url

INDEX = load("lake_schemas")
LAKE = "lake-us-east-1"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws(config={"core": {"passthrough": {"urls": [r"http://127\.0\.0\.1.*"]}}}):
        client = boto3.client("s3")
        client.create_bucket(Bucket=LAKE)
        yield client


def ask(request: str, given: dict[str, str]) -> dict[str, Any]:
    with response_url() as (url, answers):
        INDEX.handler(event(url, request, {"Bucket": LAKE, "Documents": given}), None)
    (answer,) = answers
    return answer


def keys(s3: Any) -> set[str]:
    return {each["Key"] for each in s3.list_objects_v2(Bucket=LAKE).get("Contents", [])}


def test_create_publishes_every_schema_of_the_catalogue(s3: Any) -> None:
    assert ask("Create", documents())["Status"] == "SUCCESS"
    assert keys(s3) == set(documents())
    body = s3.get_object(Bucket=LAKE, Key="metadata/schemas/market_data.json")["Body"].read()
    assert json.loads(body)["$id"] == "urn:richesreach:lake:market_data:1"


def test_update_rewrites_a_changed_schema(s3: Any) -> None:
    ask("Create", {"metadata/schemas/a.json": '{"title": "old"}'})
    ask("Update", {"metadata/schemas/a.json": '{"title": "new"}'})
    assert s3.get_object(Bucket=LAKE, Key="metadata/schemas/a.json")["Body"].read() == b'{"title": "new"}'


def test_schemas_outlive_the_resource_as_the_data_does(s3: Any) -> None:
    given = {"metadata/schemas/a.json": "{}"}
    ask("Create", given)
    assert ask("Delete", given)["Status"] == "SUCCESS"
    assert keys(s3) == {"metadata/schemas/a.json"}


@pytest.mark.parametrize(("text", "reason"), [("{", "is no JSON"), ("[]", "is no JSON object")])
def test_broken_document_fails_before_anything_is_written(text: str, reason: str, s3: Any) -> None:
    answer = ask("Create", {"metadata/schemas/a.json": "{}", "metadata/schemas/b.json": text})
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(f"metadata/schemas/b.json {reason}")
    assert keys(s3) == set()
