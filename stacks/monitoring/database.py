"""Aurora: one region's member of the global database."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.base import Site
from stacks.monitoring.condition import QUIET_IS_BAD, Condition, Severity
from stacks.monitoring.factory import AlarmFactory
from stacks.monitoring.service import MINUTE

LAG = Condition(
    "database-replication-lag",
    Severity.PAGE,
    "This region's Aurora is far behind the writer, or tells no lag at all: promoting it would lose writes.",
    periods=15,
    datapoints=10,
    missing=QUIET_IS_BAD,
)
RPO = Condition(
    "database-rpo-lag",
    Severity.TICKET,
    "User transactions reach another region later than the recovery point allows.",
    periods=15,
    datapoints=10,
)
CAPACITY = Condition(
    "database-capacity",
    Severity.TICKET,
    "Aurora runs at the upper end of its capacity range and cannot scale much further.",
    threshold=90,
    periods=15,
    datapoints=12,
)
CPU = Condition(
    "database-cpu", Severity.TICKET, "The database's CPU is busy.", threshold=90, periods=15, datapoints=12
)
CONNECTIONS = Condition(
    "database-connections", Severity.TICKET, "Connections come close to what Aurora accepts."
)
DEADLOCKS = Condition(
    "database-deadlocks",
    Severity.TICKET,
    "Transactions wait for each other and PostgreSQL aborts them.",
    datapoints=2,
)
STORAGE = Condition(
    "database-storage",
    Severity.TICKET,
    "The cluster volume has outgrown what was planned for it.",
    periods=1,
    datapoints=1,
)

MILLISECONDS = 1000
GIB = 1024**3


class DatabaseMetrics:
    """Metrics of one member cluster, by its deterministic name."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.cluster = site.names.database_cluster(site.region)

    def metric(self, name: str, statistic: str, period: cdk.Duration = MINUTE) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/RDS",
            metric_name=name,
            dimensions_map={"DBClusterIdentifier": self.cluster},
            statistic=statistic,
            period=period,
            region=self.site.region,
            label=f"{self.site.region} {name}",
        )

    def across_dimensions(self, name: str, *, elsewhere: bool = False) -> cloudwatch.MathExpression:
        """The highest value of a metric of the global database, whatever else it is told apart by.

        Aurora adds the source region as a dimension, which a switchover changes: a query does not ask.
        ``elsewhere`` is for a dashboard in another region; an alarm's query runs where it stands.
        """
        where = f"DBClusterIdentifier = '{self.cluster}'"
        return cloudwatch.MathExpression(
            expression=f'SELECT MAX({name}) FROM "AWS/RDS" WHERE {where}',  # noqa: S608  (no SQL database)
            using_metrics={},
            period=MINUTE,
            search_region=self.site.region if elsewhere else None,
            label=f"{self.site.region} {name}",
        )


def database_alarms(factory: AlarmFactory, metrics: DatabaseMetrics) -> None:
    """Lag is watched where data arrives; after a switchover the next deployment moves the alarm."""
    environment = metrics.site.environment
    lag = environment.monitoring.replication_lag_seconds * MILLISECONDS
    if not metrics.site.is_writer:
        factory.alarm(LAG.at(lag), metrics.across_dimensions("AuroraGlobalDBReplicationLag"))
    elif len(environment.data_regions) > 1:
        factory.alarm(RPO.at(lag), metrics.across_dimensions("AuroraGlobalDBRPOLag"))
    factory.alarm(CAPACITY, metrics.metric("ACUUtilization", "Maximum"))
    factory.alarm(CPU, metrics.metric("CPUUtilization", "Maximum"))
    factory.alarm(
        CONNECTIONS.at(environment.monitoring.database_connections),
        metrics.metric("DatabaseConnections", "Maximum"),
    )
    factory.alarm(DEADLOCKS, metrics.metric("Deadlocks", "Maximum"))
    factory.alarm(
        STORAGE.at(environment.monitoring.database_storage_gib * GIB),
        metrics.metric("VolumeBytesUsed", "Maximum", cdk.Duration.hours(1)),
    )
