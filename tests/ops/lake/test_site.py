"""Whose lakes the commands open: the local AWS's, or those of the caller's own account."""

from __future__ import annotations

import pytest
from moto import mock_aws

from ops.errors import OperationError, UsageError
from ops.lake.site import lakes
from ops.local import aws


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")


@pytest.mark.usefixtures("signed_in")
def test_lakes_of_prod_are_those_of_the_account_that_is_signed_in() -> None:
    with mock_aws():
        environment, found = lakes("prod", None)
    assert [lake.region for lake in found] == list(environment.regions)
    # 123456789012 is moto's account.
    assert [lake.bucket for lake in found] == [
        environment.names.lake_bucket("123456789012", region) for region in environment.regions
    ]


@pytest.mark.usefixtures("signed_in")
def test_one_region_gives_one_lake_with_a_client_of_that_region() -> None:
    with mock_aws():
        _, (lake,) = lakes("prod", "eu-west-1")
    assert lake.s3.meta.region_name == "eu-west-1"


def test_local_lakes_are_the_local_aws_whoever_is_signed_in() -> None:
    environment, found = lakes("local", None)
    assert {lake.s3.meta.endpoint_url for lake in found} == {aws.endpoint()}
    assert found[0].bucket == environment.names.lake_bucket(aws.ACCOUNT, found[0].region)


def test_region_that_the_environment_lacks_is_named_with_those_it_has() -> None:
    with pytest.raises(UsageError, match="'mars-1' is no region of prod; choose one of us-east-1"):
        lakes("prod", "mars-1")


def test_nobody_signed_in_is_said_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(OperationError, match=r"no usable AWS credentials .*sign in"):
        lakes("prod", None)
