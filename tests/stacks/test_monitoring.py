"""A service's objectives become alarms: windows, composites, tasks, logs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stacks.environment import load_environment
from stacks.errors import ConfigurationError
from stacks.manifest import Manifest, load_manifests
from stacks.monitoring.burn_rate import FAST, SLOW
from tests.stacks.alarms import alarms, expression, severity, stats
from tests.stacks.assembly import Assembly

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
GATEWAY = next(found for found in load_manifests() if found.default)
every_region = pytest.mark.parametrize("region", REGIONS)

#: Window alarms with their length in seconds and what the manifest's 99.9 % makes their threshold.
AVAILABILITY = {
    "gateway-availability-14_4x-1h": (3600, 1.44),
    "gateway-availability-14_4x-5m": (300, 1.44),
    "gateway-availability-6x-6h": (21600, 0.6),
    "gateway-availability-6x-30m": (1800, 0.6),
    "gateway-availability-1x-3d": (259200, 0.1),
    "gateway-availability-1x-6h": (21600, 0.1),
}


@every_region
def test_error_windows_hold_the_manifests_objective(region: str, prod: Assembly) -> None:
    assert GATEWAY.slo.availability == 99.9
    found = alarms(prod, region)
    for name, (seconds, threshold) in AVAILABILITY.items():
        properties = found[name].properties
        assert {stat["Period"] for stat in stats(found[name])} == {seconds}
        assert properties["Threshold"] == threshold  # without binary noise
        assert properties["ComparisonOperator"] == "GreaterThanThreshold"
        assert properties["EvaluationPeriods"] == properties["DatapointsToAlarm"] == 1


def test_error_ratio_counts_5xx_of_requests_and_nothing_while_requests_are_few(prod: Assembly) -> None:
    found = alarms(prod, "us-east-1")["gateway-availability-14_4x-1h"]
    assert expression(found) == "IF(requests >= 20, (100 * FILL(errors, 0) / requests), 0)"
    read = {stat["Metric"]["MetricName"]: stat["Stat"] for stat in stats(found)}
    assert read == {"RequestCount": "Sum", "HTTPCode_Target_5XX_Count": "Sum"}


@every_region
def test_slow_windows_count_requests_above_the_manifests_latency(region: str, prod: Assembly) -> None:
    assert GATEWAY.slo.latency_p99_ms == 300
    found = alarms(prod, region)["gateway-latency-14_4x-5m"]
    ranks = [stat["Stat"] for stat in stats(found) if stat["Metric"]["MetricName"] == "TargetResponseTime"]
    assert ranks == ["PR(:0.3)"] * 2  # both groups of a blue/green deployment
    assert found.properties["Threshold"] == 14.4  # 14.4 times the 1 % that a p99 leaves
    assert expression(found) == (
        "IF(requests >= 20, (100 - MIN([FILL(within0, 100), FILL(within1, 100)])), 0)"
    )


@pytest.mark.parametrize("indicator", ["availability", "latency"])
def test_page_needs_the_long_and_the_short_window_of_a_rule(indicator: str, prod: Assembly) -> None:
    found = alarms(prod, "eu-west-1")
    rule = json.dumps(found[f"gateway-{indicator}-fast-burn"].properties["AlarmRule"])

    def ident(window: str) -> str:
        return found[f"gateway-{indicator}-{window}"].logical_id

    parts = rule.split(" OR ")
    assert len(parts) == len(FAST) == 2
    for part, windows in zip(parts, (("14_4x-1h", "14_4x-5m"), ("6x-6h", "6x-30m")), strict=True):
        assert part.count(" AND ") == 1
        assert all(ident(window) in part for window in windows)


@pytest.mark.parametrize("indicator", ["availability", "latency"])
def test_slow_burn_is_a_ticket_on_three_days_and_six_hours(indicator: str, prod: Assembly) -> None:
    found = alarms(prod, "eu-west-1")
    slow = found[f"gateway-{indicator}-slow-burn"]
    rule = json.dumps(slow.properties["AlarmRule"])
    assert len(SLOW) == 1
    assert severity(slow) == "ticket"
    assert all(found[f"gateway-{indicator}-{window}"].logical_id in rule for window in ("1x-3d", "1x-6h"))


def test_window_by_itself_tells_nobody(prod: Assembly) -> None:
    for name, alarm in alarms(prod, "us-east-1").items():
        told = {"AlarmActions", "OKActions"} & alarm.properties.keys()
        assert bool(told) == (severity(alarm) != "component"), name


@every_region
def test_no_alarm_looks_further_back_than_cloudwatch_does(region: str, prod: Assembly) -> None:
    for name, alarm in alarms(prod, region).items():
        if alarm.type != "AWS::CloudWatch::Alarm":
            continue
        properties = alarm.properties
        metrics = properties.get("Metrics", [properties])
        periods = {m.get("Period") or m.get("MetricStat", {}).get("Period") for m in metrics} - {None}
        for seconds in periods:
            limit = 86_400 if seconds < 3600 else 604_800
            assert seconds * properties["EvaluationPeriods"] <= limit, name
        assert len(periods) == 1, f"{name}: metrics of one alarm have one period"


@pytest.mark.parametrize(("name", "least"), [("prod", 2), ("local", 1)])
def test_alarm_of_healthy_tasks_fires_below_the_minimum_and_in_silence(
    name: str, least: int, request: pytest.FixtureRequest
) -> None:
    properties = alarms(request.getfixturevalue(name), "us-east-1")["gateway-healthy-tasks"].properties
    assert (properties["Threshold"], properties["ComparisonOperator"]) == (least, "LessThanThreshold")
    assert properties["TreatMissingData"] == "breaching"


def test_missing_tasks_are_those_that_ecs_wants_and_does_not_run(prod: Assembly) -> None:
    alarm = alarms(prod, "us-east-1")["gateway-running-tasks"]
    assert expression(alarm) == "desired - running"
    assert alarm.properties["Threshold"] == 0
    assert (alarm.properties["DatapointsToAlarm"], alarm.properties["EvaluationPeriods"]) == (10, 15)


def test_deployment_holds_the_page_on_tasks_and_no_other(prod: Assembly) -> None:
    found = alarms(prod, "us-east-1")
    held = {name for name, alarm in found.items() if "ActionsSuppressor" in alarm.properties}
    assert held == {f"{manifest.name}-too-few-tasks" for manifest in load_manifests()}
    suppressor = found["gateway-too-few-tasks"].properties["ActionsSuppressor"]
    assert suppressor == {"Fn::GetAtt": [found["gateway-deploying"].logical_id, "Arn"]}


def test_without_the_option_a_deployment_holds_nothing(optioned: Assembly) -> None:
    found = alarms(optioned, "us-east-1")
    assert "gateway-deploying" not in found
    assert "ActionsSuppressor" not in found["gateway-too-few-tasks"].properties


@every_region
def test_region_is_impaired_when_every_service_is_or_its_front_door(region: str, prod: Assembly) -> None:
    found = alarms(prod, region)
    rule = json.dumps(found["region-impaired"].properties["AlarmRule"])
    assert found["gateway-impaired"].logical_id in rule
    assert found["front-door-errors"].logical_id in rule
    assert severity(found["region-impaired"]) == "page"


@pytest.mark.parametrize(
    ("condition", "pattern"),
    [
        ("log-errors", '{ ($.level = "error") || ($.level = "critical") }'),
        ("auth-failures", "{ ($.status = 401) || ($.status = 403) }"),
        ("history-tasks-failed", '{ $.event = "task_failed" }'),
        ("history-lake-quality", '{ $.event = "lake_quality" }'),
    ],
)
def test_lines_of_a_services_log_are_counted(condition: str, pattern: str, prod: Assembly) -> None:
    service = "history" if condition.startswith("history-") else "gateway"
    found = prod.all("us-east-1", "monitoring", "AWS::Logs::MetricFilter")
    (counted,) = [
        each
        for each in found
        if each.properties["FilterPattern"] == pattern
        and each.properties["MetricTransformations"][0]["MetricNamespace"].endswith(f"/{service}")
    ]
    (made,) = counted.properties["MetricTransformations"]
    alarm = alarms(prod, "us-east-1")[f"{service}-{condition.removeprefix('history-')}"]
    (read,) = stats(alarm)
    assert (made["MetricNamespace"], made["MetricName"]) == (
        read["Metric"]["Namespace"],
        read["Metric"]["MetricName"],
    )


@every_region
def test_tasks_and_log_of_a_service_that_no_viewer_reaches_are_watched(region: str, prod: Assembly) -> None:
    found = alarms(prod, region)
    of_stream = {name.removeprefix("stream-") for name in found if name.startswith("stream-")}
    assert of_stream >= {"too-few-tasks", "running-tasks", "cpu-saturated", "memory-saturated", "log-errors"}
    assert of_stream.isdisjoint({"healthy-tasks", "impaired", "auth-failures", "tasks-failed"})
    assert severity(found["stream-too-few-tasks"]) == "page"


def test_nothing_counts_the_tasks_of_such_a_service_without_container_insights(local: Assembly) -> None:
    found = alarms(local, "us-east-1")
    assert "stream-log-errors" in found
    assert "stream-too-few-tasks" not in found


def test_objective_so_low_that_nothing_could_fire_is_refused(tmp_path: Path) -> None:
    from stacks.environment import PLACEHOLDER_ACCOUNT  # noqa: PLC0415
    from stacks.platform import build  # noqa: PLC0415  (starts Node)

    lax = GATEWAY.model_copy(update={"slo": GATEWAY.slo.model_copy(update={"availability": 93.0})})
    manifests: tuple[Manifest, ...] = (lax,)
    with pytest.raises(ConfigurationError, match=r"gateway/service.yaml: slo.availability: .*raise it above"):
        build(load_environment("local"), PLACEHOLDER_ACCOUNT, manifests, outdir=str(tmp_path))
