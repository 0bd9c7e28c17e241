"""What works behind the services: functions of the platform, and queues of what could not be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.monitoring.condition import Condition, Severity
from stacks.monitoring.factory import AlarmFactory

FUNCTION_ERRORS = Condition(
    "function-errors", Severity.TICKET, "A function of the platform fails.", periods=3, datapoints=1
)
THROTTLED = Condition(
    "function-throttled",
    Severity.TICKET,
    "Lambda refuses to start a function of the platform: the account's concurrency is used up.",
    periods=3,
    datapoints=1,
)
NOT_STARTED = Condition(
    "tasks-not-started",
    Severity.TICKET,
    "EventBridge Scheduler gave up starting a scheduled task; what it should have done was not done.",
    periods=1,
    datapoints=1,
)

PERIOD = cdk.Duration.minutes(5)


@dataclass(frozen=True)
class Backstage:
    """Names of functions and of dead-letter queues, by what an alarm calls them.

    Functions of custom resources are not among them: their failure fails the deployment that asked.
    """

    functions: Mapping[str, str] = field(default_factory=dict)
    not_started: Mapping[str, str] = field(default_factory=dict)


def backstage_alarms(factory: AlarmFactory, backstage: Backstage) -> None:
    for of, name in backstage.functions.items():
        function_alarms(factory, name, of)
    for of, name in backstage.not_started.items():
        factory.alarm(NOT_STARTED, queue_depth(factory, name), of=of)


def function_alarms(factory: AlarmFactory, name: str, of: str) -> None:
    factory.alarm(FUNCTION_ERRORS, _function(factory, name, "Errors"), of=of)
    factory.alarm(THROTTLED, _function(factory, name, "Throttles"), of=of)


def queue_depth(factory: AlarmFactory, name: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/SQS",
        metric_name="ApproximateNumberOfMessagesVisible",
        dimensions_map={"QueueName": name},
        statistic="Maximum",
        period=PERIOD,
        region=factory.site.region,
        label="messages that wait",
    )


def _function(factory: AlarmFactory, name: str, metric: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name=metric,
        dimensions_map={"FunctionName": name},
        statistic="Sum",
        period=PERIOD,
        region=factory.site.region,
        label=metric.lower(),
    )
