"""What AWS measures in us-east-1 is watched there once, and every dashboard names the region it reads."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from stacks.environment import load_environment
from stacks.manifest import load_manifests
from tests.stacks.alarms import alarms, severity, stats
from tests.stacks.assembly import Assembly

AREA = "monitoring-global"
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
DASHBOARD = "AWS::CloudWatch::Dashboard"


def boards(assembly: Assembly) -> dict[str, str]:
    """Body of each dashboard as text, references as JSON."""
    found = [
        *assembly.all("us-east-1", AREA, DASHBOARD),
        *(each for region in REGIONS for each in assembly.all(region, "monitoring", DASHBOARD)),
    ]
    return {
        each.properties["DashboardName"].removeprefix("richesreach-prod-"): json.dumps(
            each.properties["DashboardBody"]
        )
        .replace('\\\\\\"', '"')
        .replace('\\"', '"')
        for each in found
    }


@pytest.fixture(scope="module")
def drawn(prod: Assembly) -> dict[str, str]:
    return boards(prod)


def test_global_view_exists_once_even_where_us_east_1_is_no_region(prod: Assembly, single: Assembly) -> None:
    assert prod.regions(AREA) == ["us-east-1"]
    assert single.regions(AREA) == ["us-east-1"]
    assert single.regions("monitoring") == ["eu-central-1"]


@pytest.mark.parametrize("region", REGIONS)
def test_origin_of_every_region_is_watched_by_its_health_check(region: str, prod: Assembly) -> None:
    alarm = alarms(prod, "us-east-1", AREA)[f"{region}-origin-unhealthy"]
    (stat,) = stats(alarm)
    check = prod.one(region, "ecs", "AWS::Route53::HealthCheck")
    (dimension,) = stat["Metric"]["Dimensions"]
    assert dimension["Name"] == "HealthCheckId"
    assert check.logical_id in json.dumps(dimension["Value"])
    assert (stat["Metric"]["MetricName"], stat["Stat"]) == ("HealthCheckStatus", "Minimum")
    properties = alarm.properties
    assert (properties["ComparisonOperator"], properties["Threshold"]) == ("LessThanThreshold", 1)
    assert properties["TreatMissingData"] == "breaching"
    assert severity(alarm) == "page"


def test_origin_latency_is_published_because_the_distribution_subscribes_to_it(prod: Assembly) -> None:
    prod.one("us-east-1", "edge", "AWS::CloudFront::MonitoringSubscription")
    # CloudFront takes one subscription of a distribution: a second is refused.
    assert prod.all("us-east-1", AREA, "AWS::CloudFront::MonitoringSubscription") == []
    (stat,) = stats(alarms(prod, "us-east-1", AREA)["edge-origin-latency"])
    assert {d["Name"] for d in stat["Metric"]["Dimensions"]} == {"DistributionId", "Region"}


def test_topics_of_the_edge_take_notices_of_costs(prod: Assembly) -> None:
    names = {topic.properties["TopicName"] for topic in prod.all("us-east-1", AREA, "AWS::SNS::Topic")}
    assert names == {"richesreach-prod-global-page", "richesreach-prod-global-ticket"}
    keys = [key.properties for key in prod.all("us-east-1", "monitoring-state", "AWS::KMS::Key")]
    assert {"budgets.amazonaws.com", "costalerts.amazonaws.com"} <= set(
        re.findall(r"\w+\.amazonaws\.com", json.dumps(keys))
    )


def test_budgets_hold_the_whole_each_region_and_each_service(prod: Assembly) -> None:
    settings = load_environment("prod").monitoring.budgets
    assert settings is not None
    limits = {}
    for each in prod.all("us-east-1", AREA, "AWS::Budgets::Budget"):
        budget: dict[str, Any] = each.properties["Budget"]
        assert budget["CostFilters"]["TagKeyValue"] == ["user:environment$prod"]
        limits[budget["BudgetName"].removeprefix("richesreach-prod-")] = budget["BudgetLimit"]["Amount"]
        told = each.properties["NotificationsWithSubscribers"]
        assert [(n["Notification"]["NotificationType"], n["Notification"]["Threshold"]) for n in told] == [
            ("ACTUAL", 80),
            ("FORECASTED", 100),
        ]
    assert limits == {
        "total": settings.monthly_usd,
        **dict.fromkeys(REGIONS, settings.region_usd),
        "amazon-relational-database-service": 3000,
    }


def test_anomalies_are_looked_for_in_this_environments_costs(prod: Assembly) -> None:
    monitor = prod.one("us-east-1", AREA, "AWS::CE::AnomalyMonitor").properties
    assert json.loads(monitor["MonitorSpecification"]) == {"Tags": {"Key": "environment", "Values": ["prod"]}}
    subscription = prod.one("us-east-1", AREA, "AWS::CE::AnomalySubscription").properties
    assert subscription["Frequency"] == "IMMEDIATE"


def test_there_is_a_dashboard_for_the_business_the_objectives_the_globe_and_each_region(
    drawn: dict[str, str],
) -> None:
    assert set(drawn) == {"business", "slo", "global", *REGIONS}


@pytest.mark.parametrize("region", REGIONS)
def test_low_level_dashboard_reads_its_region(region: str, drawn: dict[str, str]) -> None:
    found = set(re.findall(r'"region":"([a-z0-9-]+)"', drawn[region]))
    assert found == {region}
    for metric in (
        "RequestCount",
        "TargetResponseTime",
        "HealthyHostCount",
        "CPUUtilization",
        "ACUUtilization",
        "BytesInPerSec",
        "KafkaDataLogsDiskUsed",
    ):
        assert metric in drawn[region]


@pytest.mark.parametrize("board", ["business", "global", "slo"])
def test_high_level_dashboard_shows_every_region(board: str, drawn: dict[str, str]) -> None:
    found = set(re.findall(r'"region":"([a-z0-9-]+)"', drawn[board]))
    assert found == set(REGIONS)


def test_budget_is_drawn_over_its_whole_period(drawn: dict[str, str]) -> None:
    exposed = sum(manifest.exposed for manifest in load_manifests())
    assert drawn["slo"].count('"start":"-P30D"') == 2 * len(REGIONS) * exposed
    assert "RUNNING_SUM" in drawn["slo"]
    assert "/ 0.1)" in drawn["slo"]  # 99.9 % leaves 0.1 % of requests
    assert "/ 1)" in drawn["slo"]  # and a p99 leaves 1 %


def test_stacks_stay_far_below_what_cloudformation_takes(twelve: Assembly) -> None:
    sizes = {name: len(template["Resources"]) for name, template in twelve.templates.items()}
    monitoring = {name: size for name, size in sizes.items() if "-monitoring" in name}
    assert len(monitoring) == 25  # two a region, and the global one
    assert max(monitoring.values()) < 400


@pytest.mark.parametrize("region", REGIONS)
def test_canary_asks_the_edge_from_every_region(region: str, prod: Assembly) -> None:
    canary = prod.one(region, "monitoring", "AWS::Synthetics::Canary").properties
    assert canary["Name"] == "richesreach-prod-edge"
    variables = canary["RunConfig"]["EnvironmentVariables"]
    assert variables["CANARY_URL"] == "https://richesreach.example"
    assert variables["CANARY_REGIONS"].split(",") == load_environment("prod").permitted_regions
    assert canary["Schedule"]["Expression"] == "rate(5 minutes)"
    assert f"richesreach-prod-logs-111111111111-{region}" in json.dumps(canary["ArtifactS3Location"])
    alarm = alarms(prod, region)["edge-canary-failing"]
    assert alarm.properties["TreatMissingData"] == "breaching"  # a canary that does not run is a failure
    assert (alarm.properties["Threshold"], alarm.properties["ComparisonOperator"]) == (
        100,
        "LessThanThreshold",
    )


def test_canary_of_the_origin_asks_its_own_region_and_decides_on_it(local: Assembly) -> None:
    canaries = local.all("eu-west-1", "monitoring", "AWS::Synthetics::Canary")
    (own,) = [c.properties for c in canaries if c.properties["Name"] == "richesreach-local-origin"]
    variables = own["RunConfig"]["EnvironmentVariables"]
    assert variables == {
        "CANARY_URL": "http://origin-eu-west-1.richesreach.test:8080",
        "CANARY_REGIONS": "eu-west-1",
    }
    found = alarms(local, "eu-west-1")
    assert found["origin-canary-failing"].logical_id in json.dumps(
        found["region-impaired"].properties["AlarmRule"]
    )
