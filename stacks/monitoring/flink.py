"""Managed Service for Apache Flink: whether a region's bars come, and come in time."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.base import Site
from stacks.monitoring.condition import BELOW, QUIET_IS_BAD, Condition, Severity
from stacks.monitoring.factory import AlarmFactory
from stacks.monitoring.service import MINUTE
from stacks.streaming.flink_settings import FlinkSettings

DOWN = Condition(
    "flink-down",
    Severity.PAGE,
    "The Flink job does not run: nothing makes bars and indicators.",
    threshold=1,
    operator=BELOW,
    missing=QUIET_IS_BAD,
)
LATE = Condition(
    "flink-watermark",
    Severity.PAGE,
    "The Flink job is behind the ticks: bars and indicators come late, or not at all.",
)
CHECKPOINTS = Condition(
    "flink-checkpoints",
    Severity.TICKET,
    "Checkpoints fail: after a restart the job repeats all since the last that did not.",
    periods=15,
    datapoints=3,
)
RESTARTS = Condition(
    "flink-restarts",
    Severity.TICKET,
    "The Flink job failed and was started again, several times.",
    periods=15,
    datapoints=3,
)
BACK_PRESSURE = Condition(
    "flink-back-pressure",
    Severity.TICKET,
    "A part of the Flink job waits most of the time for the next, which is too slow.",
    threshold=500,
    periods=15,
    datapoints=12,
)

NAMESPACE = "AWS/KinesisAnalytics"

#: Of all tasks of an application, which are named after the job's plan (CloudWatch Metrics Insights).
_MOST_BACK_PRESSURE = (
    'SELECT MAX(backPressuredTimeMsPerSecond) FROM SCHEMA("AWS/KinesisAnalytics", Application, Task)'
    " WHERE Application = '{name}'"
)


class FlinkMetrics:
    """Metrics of a region's application ("Metrics and dimensions in Managed Service for Apache Flink")."""

    def __init__(self, site: Site, settings: FlinkSettings) -> None:
        self.site = site
        self.settings = settings

    def metric(self, name: str, statistic: str = "Maximum") -> cloudwatch.Metric:
        """Of the application as a whole."""
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={"Application": self.site.names.flink_application},
            statistic=statistic,
            period=MINUTE,
            region=self.site.region,
        )

    def new(self, name: str, label: str) -> cloudwatch.MathExpression:
        """How much more a metric counts than a minute before; it begins anew where the job does."""
        return cloudwatch.MathExpression(
            expression=f"DIFF({name})",
            using_metrics={name: self.metric(name)},
            period=MINUTE,
            label=label,
        )

    def behind(self) -> cloudwatch.MathExpression:
        """Seconds between the watermark, which is in milliseconds, and the minute it was told in."""
        return cloudwatch.MathExpression(
            expression="EPOCH(watermark) - watermark / 1000",
            using_metrics={"watermark": self.metric("currentOutputWatermark", "Minimum")},
            period=MINUTE,
            label="seconds behind",
        )

    def back_pressure(self, *, elsewhere: bool = False) -> cloudwatch.MathExpression:
        """Milliseconds of each second that the task waits which waits most: told of tasks alone.

        ``elsewhere`` is for dashboards of another region; an alarm searches its own.
        """
        name = self.site.names.flink_application
        return cloudwatch.MathExpression(
            expression=_MOST_BACK_PRESSURE.format(name=name),
            period=MINUTE,
            label="milliseconds of a second",
            search_region=self.site.region if elsewhere else None,
        )


def flink_alarms(factory: AlarmFactory, metrics: FlinkMetrics) -> None:
    """A job that is stopped on purpose is not missed."""
    if not metrics.settings.running:
        return
    factory.alarm(DOWN, metrics.metric("runningTime", "Minimum"))
    factory.alarm(LATE.at(metrics.settings.watermark_seconds), metrics.behind())
    factory.alarm(CHECKPOINTS, metrics.new("numberOfFailedCheckpoints", "failed checkpoints"))
    factory.alarm(RESTARTS, metrics.new("numRestarts", "restarts"))
    factory.alarm(BACK_PRESSURE, metrics.back_pressure())
