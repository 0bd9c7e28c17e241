from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from ops.local.reconcilers.addresses import Addresses
from ops.local.reconcilers.regions import SECONDS, Regions


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def s3() -> Iterator[object]:
    with mock_aws():
        yield boto3.client("s3", "us-east-1")


def bootstrap(region: str, qualifier: str = "hnb659fds") -> None:
    boto3.client("s3", region).create_bucket(
        Bucket=f"cdk-{qualifier}-assets-000000000000-{region}",
        CreateBucketConfiguration={"LocationConstraint": region},
    )


@pytest.mark.usefixtures("s3")
def test_a_region_that_is_bootstrapped_joins_after_the_given_ones() -> None:
    clock = Clock()
    regions = Regions(boto3.client, ("us-east-1", "eu-west-1"), clock)
    assert list(regions) == ["us-east-1", "eu-west-1"]
    bootstrap("eu-central-1", "own")
    bootstrap("eu-west-1")
    boto3.client("s3", "us-east-1").create_bucket(Bucket="richesreach-local-logs")
    clock.now += SECONDS
    assert list(regions) == ["us-east-1", "eu-west-1", "eu-central-1"]


@pytest.mark.usefixtures("s3")
def test_a_region_stays_when_its_bucket_is_gone() -> None:
    clock = Clock()
    bootstrap("eu-central-1")
    regions = Regions(boto3.client, ("us-east-1",), clock)
    assert list(regions) == ["us-east-1", "eu-central-1"]
    boto3.client("s3", "eu-central-1").delete_bucket(Bucket="cdk-hnb659fds-assets-000000000000-eu-central-1")
    clock.now += SECONDS
    assert list(regions) == ["us-east-1", "eu-central-1"]


def test_a_region_that_comes_later_has_the_next_block_of_addresses() -> None:
    addresses = Addresses("127.90", ("us-east-1", "eu-west-1"))
    assert addresses.take("eu-central-1", "task") == "127.90.3.1"
    assert addresses.take("eu-west-1", "task") == "127.90.2.1"
    addresses.release("eu-central-1", "task")
    assert addresses.take("eu-central-1", "another") == "127.90.3.1"
