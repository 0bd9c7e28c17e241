"""Who watches the watchmen: alarms on the way that alarms take."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from stacks.monitoring.condition import Condition, Severity
from stacks.monitoring.factory import AlarmFactory
from stacks.monitoring.notification import Notification

UNDELIVERED = Condition(
    "alarms-undelivered",
    Severity.PAGE,  # the page itself comes by e-mail: PagerDuty is what fails
    "Alarms could not be delivered to PagerDuty and wait in a queue.",
    periods=1,
    datapoints=1,
)
FUNCTION_ERRORS = Condition(
    "function-errors", Severity.TICKET, "A function of the platform fails.", periods=3, datapoints=1
)


def delivery_alarms(factory: AlarmFactory, notification: Notification, of: str = "") -> None:
    """``of`` tells apart the two stacks that may stand in one region."""
    if notification.undelivered is not None:
        factory.alarm(UNDELIVERED, queue_depth(factory, notification.undelivered), of=of)
    if notification.function is not None:
        factory.alarm(
            FUNCTION_ERRORS,
            function_errors(factory, notification.function),
            of=f"{of or 'regional'}-pagerduty",
        )


def queue_depth(factory: AlarmFactory, queue: sqs.IQueue) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/SQS",
        metric_name="ApproximateNumberOfMessagesVisible",
        dimensions_map={"QueueName": queue.queue_name},
        statistic="Maximum",
        period=cdk.Duration.minutes(5),
        region=factory.site.region,
        label="messages that wait",
    )


def function_errors(factory: AlarmFactory, function: lambda_.IFunction) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name="Errors",
        dimensions_map={"FunctionName": function.function_name},
        statistic="Sum",
        period=cdk.Duration.minutes(5),
        region=factory.site.region,
        label="errors",
    )
