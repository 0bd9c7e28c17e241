"""Every region has one dashboard and the alarms of its services."""

from __future__ import annotations

import json

import pytest

from stacks.manifest import load_manifests
from tests.stacks.assembly import Assembly, Resource

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
(GATEWAY,) = load_manifests()


def alarm(assembly: Assembly, region: str, condition: str) -> Resource:
    name = f"richesreach-{assembly.environment}-gateway-{condition}"
    return assembly.one(region, "monitoring", "AWS::CloudWatch::Alarm", AlarmName=name)


@pytest.mark.parametrize("region", REGIONS)
def test_region_has_one_dashboard_that_shows_its_services(region: str, prod: Assembly) -> None:
    dashboard = prod.one(region, "monitoring", "AWS::CloudWatch::Dashboard").properties
    assert dashboard["DashboardName"] == f"richesreach-prod-{region}"
    body = json.dumps(dashboard["DashboardBody"])
    for metric in ("RequestCount", "TargetResponseTime", "HealthyHostCount", "CPUUtilization"):
        assert metric in body


@pytest.mark.parametrize("region", REGIONS)
def test_latency_alarm_holds_the_manifests_objective(region: str, prod: Assembly) -> None:
    properties = alarm(prod, region, "latency").properties
    assert properties["Threshold"] == GATEWAY.slo.latency_p99_ms / 1000
    assert properties["ComparisonOperator"] == "GreaterThanThreshold"
    assert [metric["MetricStat"]["Stat"] for metric in properties["Metrics"]] == ["p99"]


@pytest.mark.parametrize("region", REGIONS)
def test_error_alarm_holds_the_manifests_objective(region: str, prod: Assembly) -> None:
    properties = alarm(prod, region, "errors").properties
    assert properties["Threshold"] == 0.1  # 100 - 99.9, without binary noise
    assert GATEWAY.slo.availability == 99.9
    assert any("requests > 0" in metric.get("Expression", "") for metric in properties["Metrics"])


@pytest.mark.parametrize(("name", "least"), [("prod", 2), ("local", 1)])
def test_alarm_of_healthy_tasks_fires_below_the_minimum(
    name: str, least: int, request: pytest.FixtureRequest
) -> None:
    assembly: Assembly = request.getfixturevalue(name)
    properties = alarm(assembly, "us-east-1", "healthy-tasks").properties
    assert (properties["Threshold"], properties["ComparisonOperator"]) == (least, "LessThanThreshold")


@pytest.mark.parametrize(
    ("condition", "missing"),
    [("healthy-tasks", "breaching"), ("latency", "notBreaching"), ("errors", "notBreaching")],
)
def test_silence_is_a_failure_of_tasks_and_not_of_traffic(
    condition: str, missing: str, prod: Assembly
) -> None:
    for region in REGIONS:
        assert alarm(prod, region, condition).properties["TreatMissingData"] == missing


def test_every_alarm_tells_its_regions_topic_when_it_fires_and_when_it_ends(prod: Assembly) -> None:
    for region in REGIONS:
        topic = {"Ref": prod.one(region, "monitoring", "AWS::SNS::Topic").logical_id}
        alarms = prod.all(region, "monitoring", "AWS::CloudWatch::Alarm")
        assert len(alarms) == 3
        for each in alarms:
            assert each.properties["AlarmActions"] == each.properties["OKActions"] == [topic]


def test_topic_refuses_whoever_comes_without_tls(prod: Assembly) -> None:
    for region in REGIONS:
        policy = prod.one(region, "monitoring", "AWS::SNS::TopicPolicy").properties["PolicyDocument"]
        assert {"Bool": {"aws:SecureTransport": "false"}} in [
            s["Condition"] for s in policy["Statement"] if s["Effect"] == "Deny"
        ]
