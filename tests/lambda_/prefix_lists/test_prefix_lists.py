"""Ids of managed prefix lists, as EC2 gives them in this region."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.lambda_.custom_resource import event, load, response_url

INDEX = load("prefix_lists")
CLOUDFRONT = "com.amazonaws.global.cloudfront.origin-facing"
LATTICE = "com.amazonaws.eu-west-1.vpc-lattice"
NAMES = {"CloudFront": CLOUDFRONT, "Lattice": LATTICE}


@pytest.fixture(autouse=True)
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """moto's EC2 of a region: it holds CloudFront's list, but not the health checkers'."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws(config={"core": {"passthrough": {"urls": [r"http://127\.0\.0\.1.*"]}}}):
        yield boto3.client("ec2")


def ask(request: str, names: dict[str, str]) -> dict[str, Any]:
    with response_url() as (url, answers):
        INDEX.handler(event(url, request, {"ServiceToken": "function", "Names": names}), None)
    (answer,) = answers
    return answer


def identity(ec2: Any, name: str) -> str:
    lists = ec2.describe_managed_prefix_lists()["PrefixLists"]
    (found,) = (each["PrefixListId"] for each in lists if each["PrefixListName"] == name)
    return str(found)


def test_cloudformation_gets_the_id_of_each_list_as_an_attribute(ec2: Any) -> None:
    answer = ask("Create", NAMES)
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"] == {"CloudFront": identity(ec2, CLOUDFRONT), "Lattice": identity(ec2, LATTICE)}
    assert answer["PhysicalResourceId"].endswith("/Resource")


def test_list_that_somebody_else_gave_such_a_name_is_not_taken(ec2: Any) -> None:
    name = "com.amazonaws.eu-west-1.route53-healthchecks"
    ec2.create_managed_prefix_list(PrefixListName=name, MaxEntries=1, AddressFamily="IPv4")
    answer = ask("Create", {"HealthCheckers": name})
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == f"AWS manages no prefix list {name} in this region"


def test_cloudformation_is_told_which_list_this_region_lacks() -> None:
    answer = ask("Update", {**NAMES, "HealthCheckers": "com.amazonaws.eu-west-1.none"})
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == "AWS manages no prefix list com.amazonaws.eu-west-1.none in this region"


def test_deletion_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without a region a client could not even be made.
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert ask("Delete", NAMES)["Status"] == "SUCCESS"
