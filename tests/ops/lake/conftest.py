"""A lake in moto's S3 with the schemas published and the samples loaded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws

from ops.lake import sample
from ops.lake.site import Lake
from stacks.datalake.schemas import documents

REGION = "eu-west-1"
BUCKET = "richesreach-local-lake-000000000000-eu-west-1"


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """A lake with nothing in it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        s3 = boto3.client("s3", region_name=REGION)
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield Lake(s3, BUCKET, REGION)


@pytest.fixture
def lake(empty: Lake, now: datetime) -> Lake:
    """A lake as `up` leaves it."""
    for key, text in documents().items():
        empty.s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())
    sample.write(empty, now)
    return empty
