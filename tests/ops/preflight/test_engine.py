"""The checks together: what they say without an account, and how the command ends."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from ops import account
from ops.errors import OperationError
from ops.plan import synthesis
from ops.plan.form import CostForm
from ops.preflight import Verdict, command, engine, failures, run
from ops.preflight.credentials import caller
from ops.preflight.engine import CHECKS, Check
from ops.preflight.result import Reporter, Result
from ops.preflight.site import Site
from stacks.errors import ConfigurationError
from tests.ops.preflight.conftest import Deploy
from tests.ops.preflight.sites import REGION, resource, stack

TOPIC = stack({"Topic": resource("AWS::SNS::Topic")})
STACKS = {TOPIC.name: TOPIC}


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell without credentials of any kind."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.mark.usefixtures("nobody")
def test_without_credentials_what_needs_them_is_unknown_and_the_rest_is_checked() -> None:
    results = run("prod", STACKS)
    asks = {check.name for check in CHECKS if check.asks_aws}
    assert {each.check for each in results if each.said == "no credentials"} == asks
    assert {each.check for each in results} == {check.name for check in CHECKS}


@pytest.mark.usefixtures("local_aws")
def test_local_platform_passes() -> None:
    assert failures(run("local", STACKS)) == []


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetCallerIdentity")


def test_permission_that_lacks_makes_a_check_unknown(in_moto: None) -> None:
    def asks(*_: object) -> list[object]:
        raise refused("AccessDenied")

    (result,) = run("prod", STACKS, [Check("anything", asks, asks_aws=True)])  # type: ignore[arg-type]
    assert result.verdict is Verdict.UNKNOWN
    assert result.said == "GetCallerIdentity was refused: AccessDenied"


def test_failure_found_before_a_refusal_is_kept(in_moto: None) -> None:
    def asks(_: Site, reporter: Reporter) -> Iterator[Result]:
        yield reporter.failed("the first region lacks it", "make it there", REGION)
        raise refused("AccessDenied")

    found = run("prod", STACKS, [Check("anything", asks, asks_aws=True)])
    assert [each.verdict for each in found] == [Verdict.FAILED, Verdict.UNKNOWN]


class _Sts:
    def __init__(self, code: str) -> None:
        self.code = code

    def get_caller_identity(self) -> dict[str, str]:
        raise refused(self.code)


@pytest.mark.parametrize(
    ("code", "said"), [("ExpiredToken", "have expired"), ("InvalidClientTokenId", "are refused")]
)
def test_credentials_that_are_not_usable_are_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    monkeypatch.setattr(account, "client", lambda *_: _Sts(code))
    with pytest.raises(OperationError, match=said) as raised:
        caller("prod")
    assert "\n" not in str(raised.value)


def test_local_aws_that_does_not_run_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RICHESREACH_AWS_PORT", "9")
    with pytest.raises(OperationError, match="make up"):
        caller("local")


def test_unknown_environment_is_named_before_anything_is_synthesised() -> None:
    with pytest.raises(ConfigurationError, match="there is no environment 'moon'"):
        command.run(Console(quiet=True), "moon", CostForm.TEXT)


@pytest.fixture
def synthesised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesis, "synthesise", lambda *_, **__: STACKS)


@pytest.mark.usefixtures("nobody", "synthesised")
def test_failure_is_status_1_and_names_its_mend() -> None:
    console = Console(width=160, no_color=True)
    with console.capture() as captured:
        assert command.run(console, "prod", CostForm.TEXT) == 1
    said = captured.get()
    assert "richesreach.example can never be delegated" in said
    assert "→ set domain in environments/prod.yaml" in said
    assert "failed" in said.splitlines()[-1]


@pytest.mark.usefixtures("local_aws", "synthesised")
def test_environment_without_failures_is_status_0() -> None:
    assert command.run(Console(quiet=True), "local", CostForm.TEXT) == 0


@pytest.mark.usefixtures("local_aws", "synthesised")
def test_program_reads_every_result(capsys: pytest.CaptureFixture[str]) -> None:
    command.run(Console(quiet=True), "local", CostForm.JSON)
    results = json.loads(capsys.readouterr().out)
    assert {each["check"] for each in results} == {check.name for check in engine.CHECKS}
    assert results[0].keys() == {"check", "scope", "verdict", "said", "mend"}


def test_every_check_has_a_name_of_its_own() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_deployed_stack_is_read_once(deploy: Deploy) -> None:
    deploy(TOPIC)
    results = run("local", STACKS)
    assert [each.said for each in results if each.check == "stacks" and each.scope == REGION] == [
        "1 stacks are there, each can be updated"
    ]
