"""Secrets by `valueFrom`, from the real local AWS."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ops.local import aws
from ops.local.reconcilers.secrets import SecretError, resolve

REGION = "ap-southeast-1"


@dataclass(frozen=True)
class Stored:
    """A secret of two versions."""

    arn: str
    first: str
    second: str


@pytest.fixture(scope="module")
def stored(local_aws: str) -> Iterator[Stored]:
    manager = aws.client("secretsmanager", REGION)
    made = manager.create_secret(
        Name="database", SecretString=json.dumps({"username": "rr", "password": "old", "port": 5432})
    )
    changed = manager.put_secret_value(
        SecretId="database", SecretString=json.dumps({"username": "rr", "password": "new"})
    )
    ssm = aws.client("ssm", REGION)
    ssm.put_parameter(Name="/richesreach/test/url", Value="http://x", Type="String")
    ssm.put_parameter(Name="plain", Value="p", Type="SecureString")
    yield Stored(made["ARN"], made["VersionId"], changed["VersionId"])
    manager.delete_secret(SecretId="database", ForceDeleteWithoutRecovery=True)


def value(value_from: str) -> str:
    """The variable KEY resolved in the test's region."""
    return resolve(aws.client, REGION, "KEY", value_from)


def test_arn_alone_gives_the_whole_secret(stored: Stored) -> None:
    assert json.loads(value(stored.arn)) == {"username": "rr", "password": "new"}


def test_json_key_gives_its_value(stored: Stored) -> None:
    assert value(f"{stored.arn}:password::") == "new"


def test_version_stage_gives_that_version(stored: Stored) -> None:
    assert value(f"{stored.arn}:password:AWSPREVIOUS:") == "old"


def test_version_id_gives_that_version(stored: Stored) -> None:
    assert value(f"{stored.arn}:port::{stored.first}") == "5432"


def test_parameter_by_name_is_of_the_own_region(stored: Stored) -> None:
    assert value("/richesreach/test/url") == "http://x"


def test_parameter_by_arn_with_and_without_a_path(stored: Stored) -> None:
    prefix = f"arn:aws:ssm:{REGION}:{aws.ACCOUNT}:parameter"
    assert [value(f"{prefix}/richesreach/test/url"), value(f"{prefix}/plain")] == ["http://x", "p"]


@pytest.mark.parametrize(
    ("value_from", "message"),
    [
        (f"arn:aws:secretsmanager:{REGION}:{aws.ACCOUNT}:secret:absent-AbCdEf", "absent-AbCdEf not found"),
        ("/absent", f"parameter /absent in {REGION} not found"),
        ("arn:aws:s3:::bucket", "neither of Secrets Manager nor of SSM"),
    ],
)
def test_what_cannot_be_resolved_is_named(stored: Stored, value_from: str, message: str) -> None:
    with pytest.raises(SecretError, match=f"secret KEY: .*{message}"):
        value(value_from)


def test_misspelt_json_key_is_named_without_the_secret(stored: Stored) -> None:
    with pytest.raises(SecretError, match="has no key 'passwort'") as caught:
        value(f"{stored.arn}:passwort::")
    assert "new" not in str(caught.value)
