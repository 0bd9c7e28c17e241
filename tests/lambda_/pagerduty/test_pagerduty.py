"""An alarm that fires triggers an incident, one that ends resolves it, and the key is told to nobody else."""

from __future__ import annotations

import contextlib
import json
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lambda_.pagerduty.conftest import KEY, RUNBOOKS, TOPIC
from tests.lambda_.pagerduty.events_api import EventsApi


def alarm(state: str = "ALARM", **other: Any) -> dict[str, Any]:
    """What CloudWatch publishes for an alarm."""
    return {
        "AlarmName": "richesreach-prod-gateway-availability-fast-burn",
        "AlarmDescription": (
            f"gateway answers with 5xx. Severity: page. Runbook: {RUNBOOKS}/availability-fast-burn.md"
        ),
        "NewStateValue": state,
        "OldStateValue": "OK" if state == "ALARM" else "ALARM",
        "NewStateReason": "arn:aws:cloudwatch:… transitioned to ALARM",
        "StateChangeTime": "2026-01-02T03:04:05.000+0000",
        "AlarmArn": "arn:aws:cloudwatch:eu-west-1:111111111111:alarm:gateway",
        **other,
    }


def record(message: dict[str, Any] | str, topic: str = "page", **other: Any) -> dict[str, Any]:
    text = message if isinstance(message, str) else json.dumps(message)
    return {
        "Sns": {
            "TopicArn": f"{TOPIC}{topic}",
            "Message": text,
            "MessageId": "0f0c",
            "Timestamp": "2026-01-02T03:04:06Z",
            **other,
        }
    }


def call(function: ModuleType, *records: dict[str, Any]) -> Any:
    return function.handler({"Records": list(records)}, None)


@pytest.mark.usefixtures("with_key")
def test_alarm_triggers_an_incident(function: ModuleType, api: EventsApi) -> None:
    assert call(function, record(alarm())) == {"sent": 1}
    (event,) = api.received
    assert event["event_action"] == "trigger"
    assert event["routing_key"] == KEY
    payload = event["payload"]
    assert payload["source"] == "richesreach-prod-gateway-availability-fast-burn"
    assert payload["summary"].startswith("eu-west-1 richesreach-prod-gateway-availability-fast-burn: gateway")
    assert payload["timestamp"] == "2026-01-02T03:04:05.000+0000"
    assert payload["group"] == "prod/eu-west-1"
    assert event["links"] == [{"href": f"{RUNBOOKS}/availability-fast-burn.md", "text": "Runbook"}]


@pytest.mark.usefixtures("with_key")
def test_end_of_an_alarm_resolves_the_same_incident(function: ModuleType, api: EventsApi) -> None:
    call(function, record(alarm()))
    call(function, record(alarm("OK")))
    triggered, resolved = api.received
    assert resolved["event_action"] == "resolve"
    assert resolved["dedup_key"] == triggered["dedup_key"]
    assert "payload" not in resolved


@pytest.mark.usefixtures("with_key")
def test_same_alarm_twice_is_one_incident_and_another_region_another(
    function: ModuleType, api: EventsApi
) -> None:
    elsewhere = record(alarm())
    elsewhere["Sns"]["TopicArn"] = f"{TOPIC}page".replace("eu-west-1", "us-east-1")
    call(function, record(alarm()), record(alarm()), elsewhere)
    first, second, third = (event["dedup_key"] for event in api.received)
    assert first == second != third


@pytest.mark.usefixtures("with_key")
@pytest.mark.parametrize(("topic", "severity"), [("page", "critical"), ("ticket", "warning")])
def test_topic_decides_the_severity(topic: str, severity: str, function: ModuleType, api: EventsApi) -> None:
    call(function, record(alarm(), topic))
    assert api.received[0]["payload"]["severity"] == severity


@pytest.mark.usefixtures("with_key")
@pytest.mark.parametrize("text", ["AWS Budget Notification", '{"anomalyId": "a"}', "[1]", '"text"'])
def test_notice_that_is_no_alarm_triggers_once(text: str, function: ModuleType, api: EventsApi) -> None:
    notice = record(text, "ticket", Subject="richesreach-prod has exceeded 80 %")
    call(function, notice)
    call(function, notice)
    first, again = api.received
    assert first["payload"]["summary"] == "prod: richesreach-prod has exceeded 80 %"
    assert first["payload"]["custom_details"] == {"message": text}
    assert first["dedup_key"] == again["dedup_key"]


@pytest.mark.usefixtures("secrets")
def test_without_a_key_it_is_disabled_and_says_so(
    function: ModuleType, api: EventsApi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(function, record(alarm())) == {"sent": 0}
    assert api.received == []
    line = json.loads(capsys.readouterr().out)
    assert line["event"] == "disabled"
    assert "secret is absent" in line["reason"]


def test_empty_key_disables_it_too(function: ModuleType, api: EventsApi, secrets: Any) -> None:
    secrets.create_secret(Name="richesreach/prod/pagerduty", SecretString='{"routing_key": ""}')
    assert call(function, record(alarm())) == {"sent": 0}
    assert api.received == []


def test_key_may_be_a_field_of_json(function: ModuleType, api: EventsApi, secrets: Any) -> None:
    secrets.create_secret(Name="richesreach/prod/pagerduty", SecretString=json.dumps({"routing_key": KEY}))
    call(function, record(alarm()))
    assert api.received[0]["routing_key"] == KEY


@pytest.mark.usefixtures("with_key")
@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_busy_api_is_asked_again_later_and_later(
    status: int, function: ModuleType, api: EventsApi, no_waiting: list[float]
) -> None:
    api.answers.extend([status] * (function.ATTEMPTS - 1))
    assert call(function, record(alarm())) == {"sent": 1}
    assert len(api.received) == function.ATTEMPTS
    assert no_waiting == sorted(no_waiting)
    assert sum(no_waiting) < 40  # within the function's minute, time-outs included


@pytest.mark.usefixtures("with_key")
def test_api_that_stays_busy_is_an_error_so_that_lambda_keeps_the_event(
    function: ModuleType, api: EventsApi
) -> None:
    api.answers.extend([503] * function.ATTEMPTS)
    with pytest.raises(function.DeliveryError, match="took no event in 5 attempts: HTTP 503"):
        call(function, record(alarm()))


@pytest.mark.usefixtures("with_key")
def test_refused_event_is_not_repeated_and_the_others_are_still_sent(
    function: ModuleType, api: EventsApi
) -> None:
    api.answers.append(400)
    with pytest.raises(function.DeliveryError, match="refused the event: HTTP 400"):
        call(function, record(alarm()), record(alarm(AlarmName="richesreach-prod-other")))
    assert [event["dedup_key"].rsplit("/", maxsplit=1)[1] for event in api.received] == [
        "richesreach-prod-gateway-availability-fast-burn",
        "richesreach-prod-other",
    ]


@pytest.mark.usefixtures("with_key")
def test_unreachable_api_is_an_error(
    function: ModuleType, api: EventsApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENTS_URL", "http://127.0.0.1:9/v2/enqueue")  # port 9: nobody listens
    with pytest.raises(function.DeliveryError, match="took no event"):
        call(function, record(alarm()))
    assert api.received == []


@pytest.mark.usefixtures("with_key")
@pytest.mark.parametrize("status", [202, 400, 503])
def test_key_is_in_no_log_and_no_error(
    status: int, function: ModuleType, api: EventsApi, capsys: pytest.CaptureFixture[str]
) -> None:
    api.answers.extend([status] * function.ATTEMPTS)
    expected = pytest.raises(function.DeliveryError) if status != 202 else contextlib.nullcontext()
    with expected as failure:
        call(function, record(alarm()))
    assert KEY not in repr(getattr(failure, "value", ""))
    captured = capsys.readouterr()
    assert KEY not in captured.out + captured.err
    assert api.received[0]["routing_key"] == KEY


@pytest.mark.usefixtures("with_key")
@pytest.mark.parametrize(
    "secret",
    [
        "password=hunter2hunter2",
        "api_key: s3cr3ts3cr3t",
        "Authorization: Bearer abc.def.ghi",
        "AKIAABCDEFGHIJKLMNOP",
        "rr_0123456789abcdef",
        "postgresql://richesreach:hunter2@host/db",
    ],
)
def test_what_looks_like_a_credential_is_not_sent_on(
    secret: str, function: ModuleType, api: EventsApi
) -> None:
    call(function, record(alarm(NewStateReason=f"line said {secret} and more")))
    reason = api.received[0]["payload"]["custom_details"]["reason"]
    assert "***" in reason
    for part in ("hunter2", "s3cr3t", "abc.def.ghi", "AKIAABC", "0123456789abcdef"):
        assert part not in reason
    assert reason.endswith("and more")


@pytest.mark.usefixtures("with_key")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(name=st.text(min_size=1, max_size=600), description=st.text(max_size=3000))
def test_event_keeps_the_apis_limits(function: ModuleType, name: str, description: str) -> None:
    event = function.to_event(record(alarm(AlarmName=name, AlarmDescription=description))["Sns"])
    assert len(event["dedup_key"]) <= 255
    assert 0 < len(event["payload"]["summary"]) <= 1024
