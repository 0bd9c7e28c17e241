"""One factory names, aims and silences every alarm the same way."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.base import Site
from stacks.monitoring.service import ServiceMetrics

EVALUATION_PERIODS = 5
DATAPOINTS_TO_ALARM = 3


def _tolerated(availability: float) -> float:
    """Percent of requests that may fail; rounded, as 100 - 99.9 is a little less than 0.1 in binary."""
    return round(100 - availability, 6)


class AlarmFactory:
    """Alarms are called ``<prefix>-<service>-<condition>``."""

    def __init__(self, scope: Construct, site: Site, action: cloudwatch.IAlarmAction) -> None:
        self.scope = scope
        self.site = site
        self.action = action

    def service_alarms(self, metrics: ServiceMetrics) -> None:
        manifest = metrics.service.manifest
        above = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
        below = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
        self._alarm(metrics.name, "latency", metrics.latency, above, manifest.slo.latency_p99_ms / 1000)
        self._alarm(
            metrics.name, "errors", self._error_rate(metrics), above, _tolerated(manifest.slo.availability)
        )
        self._alarm(
            metrics.name, "healthy-tasks", metrics.healthy_hosts, below, max(1, metrics.service.count.min)
        )

    def _error_rate(self, metrics: ServiceMetrics) -> cloudwatch.MathExpression:
        """Percent of requests that a target answered with 5xx; none while there are no requests."""
        return cloudwatch.MathExpression(
            expression="IF(requests > 0, 100 * errors / requests, 0)",
            using_metrics={"errors": metrics.errors, "requests": metrics.requests},
            label="5xx of all requests (%)",
            period=metrics.requests.period,
        )

    def _alarm(
        self,
        service: str,
        condition: str,
        metric: cloudwatch.IMetric,
        operator: cloudwatch.ComparisonOperator,
        threshold: float,
    ) -> None:
        """Healthy hosts that stop reporting are a failure; traffic that stops is not."""
        breaching = condition == "healthy-tasks"
        alarm = cloudwatch.Alarm(
            self.scope,
            f"{service}-{condition}",
            alarm_name=f"{self.site.names.prefix}-{service}-{condition}",
            metric=metric,
            comparison_operator=operator,
            threshold=threshold,
            evaluation_periods=EVALUATION_PERIODS,
            datapoints_to_alarm=DATAPOINTS_TO_ALARM,
            treat_missing_data=(
                cloudwatch.TreatMissingData.BREACHING
                if breaching
                else cloudwatch.TreatMissingData.NOT_BREACHING
            ),
        )
        alarm.add_alarm_action(self.action)
        alarm.add_ok_action(self.action)
