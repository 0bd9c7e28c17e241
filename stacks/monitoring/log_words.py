"""Lines of a service's log that are counted, and the alarms on their number.

The fields are those of the services' own log lines (richesreach.core.logs, access_log and startup).
"""

from __future__ import annotations

from collections.abc import Iterator

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs

from stacks.manifest import Manifest
from stacks.monitoring.condition import Condition, Severity
from stacks.monitoring.factory import AlarmFactory
from stacks.monitoring.service import ServiceMetrics

#: The prefix of the lake below which results of checks are kept.
QUALITY = "metadata/quality_checks"


class LogWord:
    """Lines that match a pattern, and the condition that their number is compared with."""

    def __init__(self, condition: Condition, metric: str, pattern: logs.IFilterPattern) -> None:
        self.condition = condition
        self.metric_name = metric
        self.pattern = pattern

    def metric(self, factory: AlarmFactory, metrics: ServiceMetrics) -> cloudwatch.Metric:
        """Lines in five minutes; published only when there is one."""
        namespace = f"RichesReach/{metrics.site.environment.name}/{metrics.name}"
        logs.CfnMetricFilter(
            factory.scope,
            f"{metrics.name}-{self.condition.name}-filter",
            log_group_name=metrics.log_group,
            filter_pattern=self.pattern.log_pattern_string,
            metric_transformations=[
                logs.CfnMetricFilter.MetricTransformationProperty(
                    metric_namespace=namespace, metric_name=self.metric_name, metric_value="1", unit="Count"
                )
            ],
        )
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=self.metric_name,
            statistic="Sum",
            period=cdk.Duration.minutes(5),
            region=metrics.site.region,
            label=f"{metrics.name} {self.metric_name}",
        )


def _any(field: str, *values: str) -> logs.IFilterPattern:
    return logs.FilterPattern.any(*(logs.FilterPattern.string_value(field, "=", value) for value in values))


ERRORS = LogWord(
    Condition(
        "log-errors",
        Severity.TICKET,
        "The service logs errors.",
        threshold=20,
        periods=3,
        datapoints=2,
    ),
    "LogErrors",
    _any("$.level", "error", "critical"),
)
PANICS = LogWord(
    Condition(
        "log-panics",
        Severity.TICKET,
        "A process of the service died or raised what nothing caught.",
        periods=1,
        datapoints=1,
    ),
    "LogPanics",
    logs.FilterPattern.any_term("Fatal Python error", "MemoryError", "Segmentation fault", "Traceback"),
)
REFUSED = LogWord(
    Condition(
        "auth-failures",
        Severity.TICKET,
        "Many requests are refused for who sent them: a broken client, an expired key, or guessing.",
        threshold=500,
        periods=3,
        datapoints=2,
    ),
    "AuthFailures",
    logs.FilterPattern.any(
        logs.FilterPattern.number_value("$.status", "=", 401),
        logs.FilterPattern.number_value("$.status", "=", 403),
    ),
)
TASK_FAILED = LogWord(
    Condition(
        "tasks-failed",
        Severity.TICKET,
        "A scheduled task of the service ended with an error; what it should have done was not done.",
        periods=1,
        datapoints=1,
    ),
    "TasksFailed",
    _any("$.event", "task_failed"),
)
UNSOUND = LogWord(
    Condition(
        "lake-quality",
        Severity.TICKET,
        "An hour of the lake has a gap between its files, or rows that are there twice.",
        periods=1,
        datapoints=1,
    ),
    "LakeQuality",
    _any("$.event", "lake_quality"),
)


def words(manifest: Manifest) -> Iterator[LogWord]:
    """Those that a service's log may have."""
    yield from (ERRORS, PANICS)
    if manifest.exposed:
        yield REFUSED
    if any(task.run == "schedule" for task in manifest.tasks):
        yield TASK_FAILED
    if QUALITY in manifest.lake_prefixes:
        yield UNSOUND
