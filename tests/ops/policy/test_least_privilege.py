"""Every identity policy of a template is read, with its intrinsic functions as text."""

from __future__ import annotations

import pytest

from ops.policy.least_privilege import documents, flat
from tests.ops.policy.conftest import TEMPLATE

DOCUMENT: dict[str, list[object]] = {"Statement": []}


@pytest.mark.parametrize("kind", ["AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"])
def test_policy_is_read(kind: str) -> None:
    assert documents({"Type": kind, "Properties": {"PolicyDocument": DOCUMENT}}) == [DOCUMENT]


@pytest.mark.parametrize("kind", ["AWS::IAM::Group", "AWS::IAM::Role", "AWS::IAM::User"])
def test_inline_policy_is_read(kind: str) -> None:
    properties = {"Policies": [{"PolicyName": "one", "PolicyDocument": DOCUMENT}]}
    assert documents({"Type": kind, "Properties": properties}) == [DOCUMENT]


def test_role_without_inline_policies_has_none() -> None:
    assert documents({"Type": "AWS::IAM::Role"}) == []


def test_what_grants_nothing_to_an_identity_is_not_read() -> None:
    bucket_policy = {"Type": "AWS::S3::BucketPolicy", "Properties": {"PolicyDocument": DOCUMENT}}
    assert documents(bucket_policy) == []


def test_reference_is_one_resource_and_no_wildcard() -> None:
    (document,) = documents(TEMPLATE["Resources"]["Reader2"])
    (statement,) = flat(document)["Statement"]
    assert statement["Resource"] == "arn:aws:service:region:account:resource/raw/*"


@pytest.mark.parametrize(
    ("value", "text"),
    [({"Ref": "AWS::Partition"}, "aws"), ({"Ref": "AWS::AccountId"}, "AWS-AccountId"), ("*", "*")],
)
def test_value_becomes_text(value: object, text: str) -> None:
    assert flat(value) == text
