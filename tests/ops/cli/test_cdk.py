"""The CDK CLI for `local` reaches the local AWS and nothing else; a deployment needs a real account."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from moto import mock_aws

from ops import cdk
from ops.local import aws
from stacks.node import NODE

#: Each would send a request, or a credential, elsewhere.
ELSEWHERE = {
    "AWS_PROFILE": "work",
    "AWS_DEFAULT_PROFILE": "work",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_SESSION_TOKEN": "real",
    "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/work",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.2/work",
    "AWS_ENDPOINT_URL": "https://cloudformation.us-east-1.amazonaws.com",
    "AWS_ENDPOINT_URL_S3": "https://s3.us-east-1.amazonaws.com",
    "AWS_ENDPOINT_URL_CLOUDFORMATION": "https://cloudformation.us-east-1.amazonaws.com",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_REGION": "eu-north-1",
    "AWS_DEFAULT_REGION": "eu-north-1",
    "AWS_CONFIG_FILE": "/home/developer/.aws/config",
    "CDK_DEFAULT_ACCOUNT": "123456789012",
}


def test_nothing_of_a_developers_account_reaches_a_local_command() -> None:
    values = cdk.variables("local", ELSEWHERE)
    kept = {name: value for name, value in values.items() if name in ELSEWHERE and value == ELSEWHERE[name]}
    assert kept == {}
    assert "amazonaws.com" not in str(values)


def test_local_command_speaks_to_the_local_aws() -> None:
    values = cdk.variables("local", ELSEWHERE)
    assert {name: value for name, value in values.items() if name.startswith("AWS_")} == {
        "AWS_ENDPOINT_URL": aws.endpoint(),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    assert aws.endpoint().startswith("http://127.0.0.1:")
    assert values["CDK_DEFAULT_ACCOUNT"] == aws.ACCOUNT


def test_command_for_a_real_account_keeps_its_credentials() -> None:
    values = cdk.variables("prod", ELSEWHERE)
    assert {name: values[name] for name in ELSEWHERE} == ELSEWHERE
    assert values["RICHESREACH_ENV"] == "prod"


def test_pinned_node_and_this_python_come_before_any_other() -> None:
    values = cdk.variables("prod", {"PATH": "/usr/bin"})
    assert values["PATH"].split(os.pathsep) == [
        str(NODE.parent),
        str(Path(sys.executable).parent),
        "/usr/bin",
    ]
    assert values["JSII_NODE"] == str(NODE)


def test_pinned_cli_is_run_by_the_pinned_node() -> None:
    assert cdk.command(["diff"]) == [str(NODE), str(cdk.CDK), "diff"]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where a program in place of the CLI writes its arguments and variables."""
    file = tmp_path / "seen.json"
    program = "import json, os, sys; json.dump([sys.argv[2:], dict(os.environ)], open(sys.argv[1], 'w'))"

    def command(arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-c", program, str(file), *arguments]

    monkeypatch.setattr(cdk, "command", command)
    for name in ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    return file


def test_deployment_goes_to_the_account_of_the_callers_credentials(
    seen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDK_DEFAULT_ACCOUNT", "999999999999")
    with mock_aws():
        assert cdk.run("prod", ["deploy", "richesreach-prod-eu-west-1-*"]) == 0
    arguments, values = json.loads(seen.read_text())
    assert arguments == ["deploy", "richesreach-prod-eu-west-1-*"]
    assert values["CDK_DEFAULT_ACCOUNT"] == "123456789012"  # moto's


def test_synthesis_asks_for_no_credentials(seen: Path) -> None:
    assert cdk.run("prod", ["synth"]) == 0
    _, values = json.loads(seen.read_text())
    assert values["AWS_EC2_METADATA_DISABLED"] == "true"
    assert "CDK_DEFAULT_ACCOUNT" not in values
