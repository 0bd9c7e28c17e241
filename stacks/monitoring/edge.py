"""What is measured in us-east-1 alone: CloudFront, its web ACL, and the health of every region's origin."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
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


BLOCKED = Condition(
    "requests-blocked",
    Severity.TICKET,
    "The firewall refuses unusually many requests: an attack, or a rule that hits customers.",
    periods=3,
    datapoints=2,
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

    def blocked(self, web_acl: str) -> cloudwatch.Metric:
        """Requests that any rule of a web ACL blocked, by the ACL's metric name. A web ACL of CloudFront has
        no dimension Region ("AWS WAF metrics and dimensions", AWS WAF developer guide)."""
        return cloudwatch.Metric(
            namespace="AWS/WAFV2",
            metric_name="BlockedRequests",
            dimensions_map={"WebACL": web_acl, "Rule": "ALL"},
            statistic="Sum",
            period=cdk.Duration.minutes(5),
            region=self.region,
            label="blocked requests",
        )


def edge_alarms(factory: AlarmFactory, metrics: EdgeMetrics) -> None:
    """CloudFront publishes its origins' latency only where ``edge.real_time_metrics`` is on."""
    for region, status in metrics.health_checks.items():
        factory.alarm(ORIGIN, status, of=region)
    factory.alarm(ERRORS, metrics.cloudfront("5xxErrorRate", "Average"))
    if factory.site.environment.edge.real_time_metrics:
        factory.alarm(ORIGIN_LATENCY, metrics.cloudfront("OriginLatency", "p95"))
    environment = factory.site.environment
    limit = environment.monitoring.blocked_requests
    if limit is not None and environment.edge.firewall is not None:
        factory.alarm(BLOCKED.at(limit), metrics.blocked(environment.names.firewall_metric("all")))
