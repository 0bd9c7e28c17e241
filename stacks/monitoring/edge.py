"""What is measured in us-east-1 alone: CloudFront, its web ACL, and the health of every region's origin."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.monitoring.condition import BELOW, QUIET_IS_BAD, Condition, Severity
from stacks.monitoring.factory import AlarmFactory
from stacks.monitoring.service import MINUTE

ORIGIN = Condition(
    "origin-unhealthy",
    Severity.PAGE,
    "Route 53's checkers get no good answer from a region's origin: its viewers are sent elsewhere.",
    threshold=1,
    operator=BELOW,
    periods=3,
    datapoints=2,
    missing=QUIET_IS_BAD,
)
ERRORS = Condition(
    "edge-errors",
    Severity.PAGE,
    "More than 2 % of what viewers ask CloudFront for ends with 5xx.",
    threshold=2,
)
ORIGIN_LATENCY = Condition(
    "edge-origin-latency",
    Severity.TICKET,
    "CloudFront waits long for its origins.",
    threshold=2000,
    periods=15,
    datapoints=10,
)


class EdgeMetrics:
    """Metrics of the distribution, and of each region's health check by its id."""

    region = "us-east-1"

    def __init__(self, distribution_id: str, health_checks: Mapping[str, str]) -> None:
        self.distribution_id = distribution_id
        self.health_checks = {
            region: cloudwatch.Metric(
                namespace="AWS/Route53",
                metric_name="HealthCheckStatus",
                dimensions_map={"HealthCheckId": check},
                statistic="Minimum",
                period=MINUTE,
                region=self.region,
                label=region,
            )
            for region, check in health_checks.items()
        }

    def cloudfront(self, name: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/CloudFront",
            metric_name=name,
            dimensions_map={"DistributionId": self.distribution_id, "Region": "Global"},
            statistic=statistic,
            period=MINUTE,
            region=self.region,
            label=name,
        )


def edge_alarms(factory: AlarmFactory, metrics: EdgeMetrics) -> None:
    """CloudFront publishes its origins' latency only where ``edge.real_time_metrics`` is on."""
    for region, status in metrics.health_checks.items():
        factory.alarm(ORIGIN, status, of=region)
    factory.alarm(ERRORS, metrics.cloudfront("5xxErrorRate", "Average"))
    if factory.site.environment.edge.real_time_metrics:
        factory.alarm(ORIGIN_LATENCY, metrics.cloudfront("OriginLatency", "p95"))
