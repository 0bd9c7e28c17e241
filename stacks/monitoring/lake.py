"""The lake: how far its copies in other regions are behind, and what could not be copied."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.base import Site
from stacks.monitoring.condition import Condition, Severity
from stacks.monitoring.factory import AlarmFactory

LATENCY = Condition(
    "lake-replication-latency",
    Severity.TICKET,
    "Objects of another region's lake arrive here late: the copy is no backup of the last hours.",
    periods=3,
    datapoints=3,
)
FAILED = Condition(
    "lake-replication-failed",
    Severity.TICKET,
    "Objects of this region's lake could not be replicated, and S3 does not try again.",
    periods=1,
    datapoints=1,
)


class LakeMetrics:
    """Replication metrics by bucket, over however many rules and partners it has: S3 publishes latency
    where objects arrive and failures where they come from."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.bucket = site.names.lake_bucket(site.account, site.region)
        replication = site.environment.lake.replication
        self.sends = bool(replication.targets(site.region))
        self.receives = site.region in replication.destinations

    def latency(self, *, elsewhere: bool = False) -> cloudwatch.MathExpression:
        """Seconds that the slowest rule is behind."""
        return self._query("MAX(ReplicationLatency)", "DestinationBucket", elsewhere)

    def failed(self, *, elsewhere: bool = False) -> cloudwatch.MathExpression:
        return self._query("SUM(OperationsFailedReplication)", "SourceBucket", elsewhere)

    def _query(self, what: str, side: str, elsewhere: bool) -> cloudwatch.MathExpression:
        return cloudwatch.MathExpression(
            expression=f"SELECT {what} FROM \"AWS/S3\" WHERE {side} = '{self.bucket}'",  # noqa: S608
            using_metrics={},
            period=cdk.Duration.minutes(5),
            search_region=self.site.region if elsewhere else None,
            label=f"{self.site.region} {what}",
        )


def lake_alarms(factory: AlarmFactory, metrics: LakeMetrics) -> None:
    if metrics.receives:
        minutes = metrics.site.environment.monitoring.lake_replication_minutes
        factory.alarm(LATENCY.at(minutes * 60), metrics.latency())
    if metrics.sends:
        factory.alarm(FAILED, metrics.failed())
