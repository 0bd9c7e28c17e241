"""What was changed past CloudFormation is found by the local AWS, which compares as CloudFormation does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from rich.console import Console

from ops.drift import detection, report
from ops.drift.detection import Difference, Drifted, Judged
from ops.drift.form import DriftForm
from ops.drift.report import Outcome
from ops.errors import OperationError
from ops.local import aws
from tests.ops.local.conftest import deploy

REGION = "eu-west-1"
STACK = "richesreach-local-eu-west-1-drifting"
RESOURCES: dict[str, Any] = {
    "Kept": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "kept", "VisibilityTimeout": 30}},
    "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "drifting", "Description": "a"}},
    "Lost": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "lost"}},
}
GONE = Drifted("Lost", "lost", "AWS::SQS::Queue", deleted=True, differences=())


@pytest.fixture
def deployed(commanded: None) -> Iterator[Any]:
    """A client of SQS, and a stack of two queues beside one of another environment."""
    deploy(REGION, STACK, RESOURCES)
    deploy(REGION, "richesreach-dev-eu-west-1-other", {"Other": {"Type": "AWS::SQS::Queue"}})
    yield aws.client("sqs", REGION)
    for name in (STACK, "richesreach-dev-eu-west-1-other"):
        aws.client("cloudformation", REGION).delete_stack(StackName=name)


def drift(form: DriftForm = DriftForm.TEXT, output: Path | None = None) -> tuple[Outcome, str]:
    console = Console(width=200)
    with console.capture() as captured:
        outcome = report.run(console, "local", form, output)
    return outcome, captured.get()


def test_what_is_as_deployed_has_not_drifted(deployed: Any) -> None:
    assert drift() == (Outcome.IN_SYNC, "nothing drifted, of 1 stacks\n")


def test_changed_property_is_shown_with_what_the_template_says(deployed: Any) -> None:
    url = deployed.get_queue_url(QueueName="kept")["QueueUrl"]
    deployed.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "31"})
    outcome, told = drift()
    assert outcome is Outcome.DRIFTED
    assert f"{STACK}: Kept (AWS::SQS::Queue)" in told
    assert "/VisibilityTimeout: 30 → 31" in told


def test_deleted_resource_is_shown(deployed: Any) -> None:
    deployed.delete_queue(QueueUrl=deployed.get_queue_url(QueueName="lost")["QueueUrl"])
    outcome, told = drift(DriftForm.MARKDOWN)
    assert outcome is Outcome.DRIFTED
    assert f"| `{STACK}` | `Lost`<br>AWS::SQS::Queue |  | `was deleted` |" in told


def test_changed_secret_is_shown_as_changed_and_not_as_gone(deployed: Any) -> None:
    aws.client("secretsmanager", REGION).update_secret(SecretId="drifting", Description="b")
    _, told = drift()
    assert "/Description: a → b" in told
    assert "was deleted" not in told


def test_nothing_deployed_is_an_error_and_no_good_news(commanded: None) -> None:
    with pytest.raises(OperationError, match="nothing of local is deployed in "):
        drift()


def test_no_credentials_are_one_error_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(detection, "_CONFIG", Config(retries={"total_max_attempts": 1}))
    with pytest.raises(OperationError, match="sign in with a role that may detect it"):
        report.run(Console(), "staging", DriftForm.TEXT, None)


@pytest.mark.parametrize(
    ("judged", "outcome"),
    [
        ([Judged(REGION, "a")], Outcome.IN_SYNC),
        ([Judged(REGION, "a"), Judged(REGION, "b", unjudged="is UPDATE_IN_PROGRESS")], Outcome.UNJUDGED),
        ([Judged(REGION, "a", (GONE,)), Judged(REGION, "b", unjudged="x")], Outcome.DRIFTED),
    ],
)
def test_stack_that_cannot_be_judged_is_not_in_sync(judged: list[Judged], outcome: Outcome) -> None:
    assert report.outcome(judged) is outcome


def test_values_cannot_leave_their_cell() -> None:
    wild = Drifted(
        "R", "r", "AWS::S3::Bucket", deleted=False, differences=(Difference("/P", "a|b", "`c`\n### d"),)
    )
    written = report.markdown([Judged(REGION, "s", (wild,))])
    assert "| `s` | `R`<br>AWS::S3::Bucket | `/P` | `a\\|b → 'c' ### d` |" in written


@pytest.mark.parametrize(
    "path",
    [
        "/Environment/Variables/DATABASE_URL",
        "/ContainerDefinitions/0/Environment/3/Value",
        "/ContainerDefinitions/0/Secrets/0/ValueFrom",
        "/MasterUserPassword",
        "/AuthToken",
        "/SecretString",
        "/OriginConfig/ApiKey",
        "/ContainerDefinitions",
    ],
)
@pytest.mark.parametrize("form", [report.text, report.markdown, report.as_json])
def test_every_form_shows_where_a_secret_may_stand_and_not_what_it_is(
    form: Callable[[list[Judged]], str], path: str
) -> None:
    change = Difference(path, '[{"Environment": "before"}]', "hunter2")
    drifted = Drifted("R", "r", "AWS::ECS::TaskDefinition", deleted=False, differences=(change,))
    written = form([Judged(REGION, "s", (drifted,))])
    assert path in written
    assert "hunter2" not in written
    assert "before" not in written


def test_issue_is_no_longer_than_github_takes_and_names_what_it_leaves_out() -> None:
    many = tuple(
        Drifted(
            f"R{n}", "r", "AWS::IAM::Role", deleted=False, differences=(Difference("/P", "x" * 100, "y"),)
        )
        for n in range(1000)
    )
    written = report.markdown([Judged(REGION, "s", many, unjudged="x")])
    assert 50_000 < len(written) <= 65_000
    assert "more lines; `richesreach drift` shows them" in written


def test_long_values_are_shortened() -> None:
    long = Drifted("R", "r", "AWS::IAM::Role", deleted=False, differences=(Difference("/P", "x" * 5000, ""),))
    assert len(report.text([Judged(REGION, "s", (long,))])) < 400


def test_json_has_everything_and_the_exit_status() -> None:
    found = json.loads(report.as_json([Judged(REGION, "s", (GONE,))]))
    assert found["exit_status"] == 2
    assert found["stacks"][0]["drifted"][0]["deleted"] is True


def test_file_that_cannot_be_written_is_named(deployed: Any, tmp_path: Path) -> None:
    with pytest.raises(OperationError, match=r"cannot be written to .*No such file"):
        drift(output=tmp_path / "missing" / "drift.md")


def test_stack_that_may_not_be_asked_leaves_the_others_judged(
    deployed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = f"{STACK}-refused"
    deploy(REGION, refused, {"Other": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "other"}}})
    judge = detection._drifted

    def refuse(client: Any, stack: str) -> Iterator[Drifted]:
        if stack == refused:
            denied = {"Error": {"Code": "AccessDenied", "Message": "no"}}
            raise ClientError(denied, "DescribeStackResourceDrifts")
        return judge(client, stack)

    monkeypatch.setattr(detection, "_drifted", refuse)
    try:
        outcome, told = drift()
    finally:
        aws.client("cloudformation", REGION).delete_stack(StackName=refused)
    assert outcome is Outcome.UNJUDGED
    assert f"{refused}: not judged: DescribeStackResourceDrifts was refused: AccessDenied" in told
    assert "of 2 stacks" in told
