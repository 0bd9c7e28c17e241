"""The services' own rules in the region's workspace, and the alarms on the workspace itself."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_aps as aps
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam

from stacks.manifest import Manifest
from stacks.monitoring.condition import Condition, Severity
from stacks.monitoring.factory import AlarmFactory
from stacks.monitoring.metrics_store import MetricsStore
from stacks.monitoring.notification import Notification
from stacks.monitoring.rules import rules

RULES_FAILING = Condition(
    "metric-rules-failing",
    Severity.TICKET,
    "Managed Prometheus cannot evaluate a rule: what it would alert on goes unseen.",
    periods=3,
    datapoints=3,
)
UNTOLD = Condition(
    "metric-alerts-untold",
    Severity.TICKET,
    "Managed Prometheus could not publish an alert to the region's topics.",
    periods=1,
    datapoints=1,
)

#: Metrics of the namespace AWS/Prometheus by the alarm that watches them.
WATCHED = ((RULES_FAILING, "RuleEvaluationFailures"), (UNTOLD, "AlertManagerNotificationsFailed"))


def metric_rules(
    factory: AlarmFactory, notification: Notification, store: MetricsStore, manifests: Sequence[Manifest]
) -> None:
    """The workspace may tell the topics, and only it: a workspace of somebody else in the account may not."""
    aps.CfnRuleGroupsNamespace(
        factory.scope,
        "Rules",
        name=f"{factory.site.names.prefix}-services",
        workspace=store.workspace.arn,
        data=rules(factory.site, manifests),
    )
    for topic in notification.topics.values():
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Metrics",
                principals=[iam.ServicePrincipal("aps.amazonaws.com")],
                actions=["sns:GetTopicAttributes", "sns:Publish"],
                resources=[topic.topic_arn],
                conditions={
                    "ArnEquals": {"aws:SourceArn": store.workspace.arn},
                    "StringEquals": {"aws:SourceAccount": factory.site.account},
                },
            )
        )
    for condition, name in WATCHED:
        factory.alarm(condition, _total(name, store.workspace_id))


def _total(name: str, workspace_id: str) -> cloudwatch.MathExpression:
    """Over whatever other dimensions Managed Prometheus gives the metric."""
    return cloudwatch.MathExpression(
        expression=f"SELECT SUM({name}) FROM \"AWS/Prometheus\" WHERE Workspace = '{workspace_id}'",  # noqa: S608
        using_metrics={},
        period=cdk.Duration.minutes(5),
        label=name,
    )
