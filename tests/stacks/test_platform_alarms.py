"""What services stand on is watched: thresholds, silence, and which region an alarm belongs to."""

from __future__ import annotations

import json

import pytest

from stacks.environment import load_environment
from tests.stacks.alarms import alarms, expression, stats
from tests.stacks.assembly import Assembly

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
LATENCY = 'SELECT MAX(ReplicationLatency) FROM "AWS/S3"'
SETTINGS = load_environment("prod").monitoring


@pytest.mark.parametrize("region", ["eu-west-1", "ap-southeast-1"])
def test_lag_is_watched_where_data_arrives_and_silence_is_a_failure(region: str, prod: Assembly) -> None:
    lag = alarms(prod, region)["database-replication-lag"]
    assert lag.properties["Threshold"] == SETTINGS.replication_lag_seconds * 1000
    assert lag.properties["TreatMissingData"] == "breaching"
    query = expression(lag)
    assert query.startswith('SELECT MAX(AuroraGlobalDBReplicationLag) FROM "AWS/RDS" ')
    assert query.endswith(f"WHERE DBClusterIdentifier = 'richesreach-prod-{region}'")


def test_lag_alarm_follows_the_writer(moved_writer: Assembly) -> None:
    assert "database-replication-lag" in alarms(moved_writer, "us-east-1")
    assert "database-replication-lag" not in alarms(moved_writer, "eu-west-1")
    assert "database-rpo-lag" in alarms(moved_writer, "eu-west-1")
    assert "datastore-lag" in alarms(moved_writer, "us-east-1")
    assert "datastore-lag" not in alarms(moved_writer, "eu-west-1")


def test_single_region_replicates_to_nobody(single: Assembly) -> None:
    found = alarms(single, "eu-central-1")
    assert not {"database-replication-lag", "database-rpo-lag", "datastore-lag"} & found.keys()


def test_region_without_data_has_no_alarm_of_a_database(twelve: Assembly) -> None:
    environment_regions = twelve.regions("monitoring")
    without = [region for region in environment_regions if "database-cpu" not in alarms(twelve, region)]
    assert len(environment_regions) == 12
    assert len(without) == 1
    assert not [name for name in alarms(twelve, without[0]) if name.startswith("database")]


@pytest.mark.parametrize(
    ("name", "metric", "threshold"),
    [
        ("database-capacity", "ACUUtilization", 90),
        ("database-connections", "DatabaseConnections", SETTINGS.database_connections),
        ("database-deadlocks", "Deadlocks", 0),
        ("database-storage", "VolumeBytesUsed", SETTINGS.database_storage_gib * 1024**3),
        ("regional-cache-engine-cpu", "EngineCPUUtilization", 80),
        ("regional-cache-cpu", "CPUUtilization", 85),
        ("regional-cache-memory", "DatabaseMemoryUsagePercentage", 90),
        ("regional-cache-evictions", "Evictions", 1000),
        ("global-cache-replication-lag", "ReplicationLag", 5),
        ("connections-rejected", "RejectedConnectionCount", 0),
        ("tls-errors", "ClientTLSNegotiationErrorCount", 50),
        ("nat-ports", "ErrorPortAllocation", 0),
        ("alarms-undelivered", "ApproximateNumberOfMessagesVisible", 0),
    ],
)
def test_alarm_watches_its_metric_above_its_threshold(
    name: str, metric: str, threshold: float, prod: Assembly
) -> None:
    alarm = alarms(prod, "eu-west-1")[name]
    assert {stat["Metric"]["MetricName"] for stat in stats(alarm)} == {metric}
    assert alarm.properties["Threshold"] == threshold
    assert alarm.properties["ComparisonOperator"] == "GreaterThanThreshold"
    assert alarm.properties["TreatMissingData"] == "notBreaching"


@pytest.mark.parametrize("of", ["regional", "global"])
def test_worst_node_of_a_cache_counts(of: str, prod: Assembly) -> None:
    alarm = alarms(prod, "eu-west-1")[f"{of}-cache-memory"]
    group = "richesreach-prod-eu-west-1" + ("-global" if of == "global" else "")
    nodes = [stat["Metric"]["Dimensions"][0]["Value"] for stat in stats(alarm)]
    assert nodes == [f"{group}-001", f"{group}-002"]
    assert expression(alarm) == "MAX([FILL(node0, 0), FILL(node1, 0)])"


@pytest.mark.parametrize("region", REGIONS)
def test_every_nat_gateway_is_watched(region: str, prod: Assembly) -> None:
    gateways = prod.all(region, "network", "AWS::EC2::NatGateway")
    assert len(stats(alarms(prod, region)["nat-ports"])) == len(gateways) == 3


def test_certificate_is_watched_by_the_day(prod: Assembly) -> None:
    alarm = alarms(prod, "eu-west-1")["load-balancer-certificate-expiry"]
    (stat,) = stats(alarm)
    assert (stat["Metric"]["MetricName"], stat["Stat"], stat["Period"]) == ("DaysToExpiry", "Minimum", 86_400)
    assert alarm.properties["Threshold"] == SETTINGS.certificate_days
    assert alarm.properties["ComparisonOperator"] == "LessThanThreshold"


def test_bands_are_as_wide_as_the_environment_says(prod: Assembly) -> None:
    for name in ("requests-anomaly", "latency-anomaly"):
        alarm = alarms(prod, "us-east-1")[name]
        bands = [m["Expression"] for m in alarm.properties["Metrics"] if "Expression" in m]
        assert bands == [f"ANOMALY_DETECTION_BAND(m0, {SETTINGS.anomaly_band:g})"]
        assert "Threshold" not in alarm.properties


def test_lake_is_watched_where_objects_arrive_and_where_they_come_from(prod: Assembly) -> None:
    found = alarms(prod, "eu-west-1")
    bucket = "'richesreach-prod-lake-111111111111-eu-west-1'"
    late, failed = found["lake-replication-latency"], found["lake-replication-failed"]
    assert expression(late) == f"{LATENCY} WHERE DestinationBucket = {bucket}"
    assert late.properties["Threshold"] == SETTINGS.lake_replication_minutes * 60
    assert expression(failed).endswith(f'FROM "AWS/S3" WHERE SourceBucket = {bucket}')
    assert failed.properties["Threshold"] == 0


def test_lake_that_replicates_nowhere_is_not_watched(single: Assembly) -> None:
    assert not [name for name in alarms(single, "eu-central-1") if name.startswith("lake-replication")]


def test_no_alarm_reads_more_metrics_than_cloudwatch_takes(twelve: Assembly) -> None:
    for region in twelve.regions("monitoring"):
        for name, alarm in alarms(twelve, region).items():
            assert len(alarm.properties.get("Metrics", [])) <= 10, name


def test_query_looks_back_no_further_than_metrics_insights_keeps(prod: Assembly) -> None:
    """Three hours (Metrics Insights alarms, CloudWatch user guide)."""
    for name, alarm in alarms(prod, "eu-west-1").items():
        for metric in alarm.properties.get("Metrics", []):
            if "SELECT " in json.dumps(metric.get("Expression", "")):
                assert metric["Period"] * alarm.properties["EvaluationPeriods"] <= 3 * 3600, name


def test_lag_of_each_group_is_watched_on_the_topics_that_it_reads(prod: Assembly) -> None:
    watched = {name for name in alarms(prod, "eu-west-1") if name.endswith("consumer-lag")}
    assert {name for name in watched if name.startswith("history")} == {
        "history-ticks-market-ticks-consumer-lag",
        "history-bars-market-bars-consumer-lag",
        "history-indicators-market-indicators-consumer-lag",
        "history-database-market-bars-consumer-lag",
    }
