"""A lake in moto's S3 with the schemas published and the samples loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def made() -> Iterator[Lake]:
    """A lake with nothing in it."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        s3 = boto3.client("s3", region_name=REGION)
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield Lake(s3, BUCKET, REGION)


def fill(lake: Lake, now: datetime) -> None:
    """As `up` does."""
    for key, text in documents().items():
        lake.s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())
    sample.write(lake, now)


@pytest.fixture
def empty() -> Iterator[Lake]:
    with made() as lake:
        yield lake


@pytest.fixture
def lake(empty: Lake, now: datetime) -> Lake:
    """A lake as `up` leaves it."""
    fill(empty, now)
    return empty
