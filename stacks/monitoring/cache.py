"""Valkey: a region's own group, and its member of the Global Datastore."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.base import Site
from stacks.monitoring.condition import Condition, Severity
from stacks.monitoring.factory import AlarmFactory
from stacks.monitoring.service import MINUTE, named

ENGINE_CPU = Condition(
    "cache-engine-cpu",
    Severity.TICKET,
    "Valkey's one thread that runs commands is nearly busy all the time.",
    threshold=80,
)
HOST_CPU = Condition("cache-cpu", Severity.TICKET, "A cache node's host is busy.", threshold=85)
MEMORY = Condition(
    "cache-memory",
    Severity.TICKET,
    "The cache is nearly full; what does not fit is evicted before its time.",
    threshold=90,
)
EVICTIONS = Condition(
    "cache-evictions",
    Severity.TICKET,
    "The cache throws out entries that had not expired: its hit ratio falls.",
    threshold=1000,
    periods=3,
)
LAG = Condition(
    "cache-replication-lag",
    Severity.TICKET,
    "A replica is seconds behind its primary: a failover would lose writes.",
    threshold=5,
)
DATASTORE_LAG = Condition(
    "datastore-lag",
    Severity.TICKET,
    "Sessions and flags reach this region late.",
    threshold=10,
)

#: Metric, condition and statistic of what is watched on every node; the worst node counts.
WATCHED = (
    ("EngineCPUUtilization", ENGINE_CPU, "Average", MINUTE),
    ("CPUUtilization", HOST_CPU, "Average", MINUTE),
    ("DatabaseMemoryUsagePercentage", MEMORY, "Maximum", MINUTE),
    ("Evictions", EVICTIONS, "Sum", cdk.Duration.minutes(5)),
    ("ReplicationLag", LAG, "Maximum", MINUTE),
)


class CacheMetrics:
    """Metrics of a replication group without cluster mode: its nodes are called ``<group>-001`` and on."""

    def __init__(self, site: Site, group: str, nodes: int) -> None:
        self.site = site
        self.group = group
        self.nodes = [f"{group}-{number:03d}" for number in range(1, nodes + 1)]

    def each(self, name: str, statistic: str, period: cdk.Duration = MINUTE) -> list[cloudwatch.Metric]:
        """A metric of each node."""
        return [
            cloudwatch.Metric(
                namespace="AWS/ElastiCache",
                metric_name=name,
                dimensions_map={"CacheClusterId": node},
                statistic=statistic,
                period=period,
                region=self.site.region,
                label=f"{node} {name}",
            )
            for node in self.nodes
        ]

    def worst(self, name: str, statistic: str, period: cdk.Duration = MINUTE) -> cloudwatch.MathExpression:
        """The highest of the nodes. A node that publishes nothing, such as a primary's lag, counts as 0."""
        using = named(self.each(name, statistic, period), "node")
        return cloudwatch.MathExpression(
            expression=f"MAX([{', '.join(f'FILL({node}, 0)' for node in using)}])",
            using_metrics=using,
            period=period,
            label=f"{self.group} {name}",
        )


def cache_alarms(factory: AlarmFactory, metrics: CacheMetrics, of: str) -> None:
    """``of`` is ``regional`` or ``global``."""
    for name, condition, statistic, period in WATCHED:
        if condition is LAG and len(metrics.nodes) == 1:
            continue  # nothing follows a primary that is alone
        factory.alarm(condition, metrics.worst(name, statistic, period), of=of)


def datastore_alarm(factory: AlarmFactory, metrics: CacheMetrics) -> None:
    """Lag behind the datastore's primary region; the primary itself publishes none."""
    factory.alarm(DATASTORE_LAG, metrics.worst("GlobalDatastoreReplicationLag", "Maximum"))
