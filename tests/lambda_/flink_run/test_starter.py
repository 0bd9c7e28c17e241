"""The application runs after a deployment, or stands still.

moto knows applications that are STARTING for ever; of what changes botocore's stub tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from tests.lambda_.custom_resource import event, load, response_url

INDEX = load("flink_run")
NAME = {"ApplicationName": "platform-bars"}
MINUTES = 60_000


class Context:
    """So much time is left."""

    def __init__(self, milliseconds: int = 15 * MINUTES) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@pytest.fixture
def flink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = boto3.client(
        "kinesisanalyticsv2",
        region_name="eu-west-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    monkeypatch.setattr(INDEX.boto3, "client", lambda _service: client)
    monkeypatch.setattr(INDEX, "POLL_SECONDS", 0.0)
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def ask(request: str, *, running: bool = True, drop: bool = False, context: Any = None) -> dict[str, Any]:
    properties = {
        "Application": "platform-bars",
        "Running": str(running).lower(),
        "AllowNonRestoredState": str(drop).lower(),
        "Revision": "1",
    }
    with response_url() as (url, answers):
        INDEX.handler(event(url, request, properties), context or Context())
    (answer,) = answers
    return answer


def told(flink: Stubber, *statuses: str) -> None:
    for status in statuses:
        detail = {
            "ApplicationARN": "arn:aws:kinesisanalytics:eu-west-1:123456789012:application/platform-bars",
            "ApplicationName": "platform-bars",
            "RuntimeEnvironment": "FLINK-2_3",
            "ApplicationStatus": status,
            "ApplicationVersionId": 1,
        }
        flink.add_response("describe_application", {"ApplicationDetail": detail}, NAME)


def snapshots(flink: Stubber, *statuses: str, token: str = "", more: str = "") -> None:
    listed = [
        {"SnapshotName": f"s{number}", "SnapshotStatus": status, "ApplicationVersionId": 1}
        for number, status in enumerate(statuses)
    ]
    answer: dict[str, Any] = {"SnapshotSummaries": listed}
    if more:
        answer["NextToken"] = more
    flink.add_response("list_application_snapshots", answer, NAME | ({"NextToken": token} if token else {}))


def started(flink: Stubber, restore: str, *, drop: bool = False) -> None:
    configuration = {
        "FlinkRunConfiguration": {"AllowNonRestoredState": drop},
        "ApplicationRestoreConfiguration": {"ApplicationRestoreType": restore},
    }
    flink.add_response("start_application", {}, NAME | {"RunConfiguration": configuration})


def test_new_application_is_started_without_a_snapshot_and_awaited(flink: Stubber) -> None:
    told(flink, "READY")
    snapshots(flink)
    started(flink, "SKIP_RESTORE_FROM_SNAPSHOT")
    told(flink, "STARTING", "STARTING", "RUNNING")
    assert ask("Create")["Status"] == "SUCCESS"


def test_stopped_application_goes_on_from_its_newest_snapshot(flink: Stubber) -> None:
    told(flink, "READY")
    snapshots(flink, "FAILED", more="next")
    snapshots(flink, "READY", token="next")
    started(flink, "RESTORE_FROM_LATEST_SNAPSHOT")
    told(flink, "RUNNING")
    assert ask("Update")["Status"] == "SUCCESS"


def test_snapshot_that_is_not_ready_is_none(flink: Stubber) -> None:
    told(flink, "READY")
    snapshots(flink, "CREATING", "FAILED")
    started(flink, "SKIP_RESTORE_FROM_SNAPSHOT")
    told(flink, "RUNNING")
    assert ask("Update")["Status"] == "SUCCESS"


def test_part_of_the_job_is_dropped_only_where_the_environment_says_so(flink: Stubber) -> None:
    told(flink, "READY")
    snapshots(flink, "READY")
    started(flink, "RESTORE_FROM_LATEST_SNAPSHOT", drop=True)
    told(flink, "RUNNING")
    assert ask("Update", drop=True)["Status"] == "SUCCESS"


def test_running_application_that_cloudformation_updated_is_awaited_and_not_started_twice(
    flink: Stubber,
) -> None:
    told(flink, "UPDATING", "STARTING", "RUNNING")
    assert ask("Update")["Status"] == "SUCCESS"


def test_update_that_the_service_took_back_fails_the_deployment(flink: Stubber) -> None:
    told(flink, "ROLLING_BACK", "ROLLED_BACK")
    answer = ask("Update")
    assert answer["Status"] == "FAILED"
    assert "took the update of platform-bars back" in answer["Reason"]


def test_start_that_fails_fails_the_deployment_and_says_where_to_look(flink: Stubber) -> None:
    told(flink, "READY")
    snapshots(flink)
    started(flink, "SKIP_RESTORE_FROM_SNAPSHOT")
    told(flink, "STARTING", "READY")
    answer = ask("Create")
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == "platform-bars did not start and is READY: see its log, then deploy again"


@mock_aws
def test_start_that_takes_too_long_is_told_before_the_function_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = boto3.client("kinesisanalyticsv2", region_name="eu-west-1")
    monkeypatch.setattr(INDEX.boto3, "client", lambda _service: client)
    role = "arn:aws:iam::123456789012:role/job"
    client.create_application(RuntimeEnvironment="FLINK-1_20", ServiceExecutionRole=role, **NAME)
    answer = ask("Create", context=Context(10_000))
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == "platform-bars was still STARTING when time ran out: deploy again"


def test_application_that_is_to_stand_still_is_stopped_with_a_snapshot(flink: Stubber) -> None:
    told(flink, "RUNNING")
    flink.add_response("stop_application", {}, NAME)
    told(flink, "STOPPING", "READY")
    assert ask("Update", running=False)["Status"] == "SUCCESS"


def test_application_that_stands_still_is_left_alone(flink: Stubber) -> None:
    told(flink, "READY")
    assert ask("Create", running=False)["Status"] == "SUCCESS"


def test_application_that_does_not_stop_fails_the_deployment(flink: Stubber) -> None:
    told(flink, "RUNNING")
    flink.add_response("stop_application", {}, NAME)
    told(flink, "STOPPING", "RUNNING")
    answer = ask("Update", running=False)
    assert answer["Status"] == "FAILED"
    assert "did not stop and is RUNNING" in answer["Reason"]


def test_deletion_stops_it_with_a_snapshot(flink: Stubber) -> None:
    told(flink, "RUNNING", "RUNNING")
    flink.add_response("stop_application", {}, NAME)
    told(flink, "READY")
    assert ask("Delete")["Status"] == "SUCCESS"


def test_deletion_does_not_wait_for_a_start_that_fails_again_and_again(flink: Stubber) -> None:
    told(flink, "STARTING")
    flink.add_response("stop_application", {}, NAME | {"Force": True})
    told(flink, "FORCE_STOPPING", "READY")
    assert ask("Delete")["Status"] == "SUCCESS"


def test_deletion_of_what_is_gone_is_done(flink: Stubber) -> None:
    flink.add_client_error("describe_application", "ResourceNotFoundException", expected_params=NAME)
    assert ask("Delete")["Status"] == "SUCCESS"
