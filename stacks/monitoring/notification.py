"""How an alarm reaches people: two topics under one key, e-mail, and a function that calls PagerDuty."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch_actions as cloudwatch_actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.base import Site
from stacks.function import FunctionProps, PlatformFunction
from stacks.monitoring.condition import TOLD, Severity
from stacks.monitoring.factory import Actions
from stacks.monitoring.state import function_name
from stacks.secret import opens

#: PagerDuty's own deadline for an event is far away; five attempts with back-off need about half a minute.
TIME_LIMIT = cdk.Duration.minutes(1)


class Notification(Construct):
    """Topics ``<prefix>[-<of>]-page`` and ``-ticket``, encrypted with a key that the publishers may use."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        key: kms.IKey,
        secrets_key: kms.IKey,
        of: str = "",
        publishers: tuple[str, ...],
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.secrets_key = secrets_key
        self.prefix = "-".join(filter(None, (site.names.prefix, of)))
        # Imported: what the topics need of its policy is written where the key stands.
        self.key = kms.Key.from_key_arn(self, "Key", key.key_arn)
        self.topics = {severity: self._topic(severity, publishers) for severity in TOLD}
        self.undelivered: sqs.Queue | None = None
        self.function: lambda_.Function | None = None
        if site.environment.monitoring.pagerduty_events_url:
            self._pagerduty(site.environment.monitoring.pagerduty_events_url)

    @property
    def actions(self) -> Actions:
        return {severity: cloudwatch_actions.SnsAction(topic) for severity, topic in self.topics.items()}

    def _topic(self, severity: Severity, publishers: tuple[str, ...]) -> sns.Topic:
        topic = sns.Topic(
            self,
            severity.value.capitalize(),
            topic_name=f"{self.prefix}-{severity}",
            master_key=self.key,
            enforce_ssl=True,
        )
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Publishers",
                principals=[iam.ServicePrincipal(service) for service in publishers],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.site.account}},
            )
        )
        email = self.site.environment.monitoring.alarm_email
        if email:
            topic.add_subscription(subscriptions.EmailSubscription(email))
        return topic

    def _pagerduty(self, events_url: str) -> None:
        self.undelivered = self._queue()
        self.function = self._function(events_url, self.undelivered)
        for topic in self.topics.values():
            topic.add_subscription(
                subscriptions.LambdaSubscription(self.function, dead_letter_queue=self.undelivered)
            )

    def _queue(self) -> sqs.Queue:
        """What could be delivered nowhere waits here, and its alarm goes to the topics' e-mail."""
        return sqs.Queue(
            self,
            "Undelivered",
            queue_name=f"{self.prefix}-undelivered-alarms",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self.key,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )

    def _function(self, events_url: str, queue: sqs.Queue) -> lambda_.Function:
        site = self.site
        secret = site.names.secret("pagerduty")
        return PlatformFunction(
            self,
            "PagerDuty",
            site=site,
            props=FunctionProps(
                code="pagerduty",
                name=function_name(self.prefix),
                description="Sends alarms to PagerDuty's Events API v2",
                timeout=TIME_LIMIT,
                concurrency=10,  # a lost region raises many alarms at once
                key=self.key,
                log_name=f"lambda/{function_name(self.prefix)}",
                dead_letters=queue,
                statements=[
                    iam.PolicyStatement(
                        sid="PutIntoTheQueueWhatFailed",
                        actions=["kms:Decrypt", "kms:GenerateDataKey"],
                        resources=[self.key.key_arn],
                    ),
                    iam.PolicyStatement(
                        sid="ReadRoutingKey",
                        actions=["secretsmanager:GetSecretValue"],
                        # Secrets Manager ends a secret's ARN in six characters of its own choice.
                        resources=[
                            f"arn:aws:secretsmanager:{site.region}:{site.account}:secret:{secret}-??????"
                        ],
                    ),
                    opens(self.secrets_key),
                ],
                variables={
                    "EVENTS_URL": events_url,
                    "ROUTING_KEY_SECRET_NAME": secret,
                    "ENVIRONMENT": site.environment.name,
                    "RUNBOOK_BASE_URL": site.environment.monitoring.runbook_base_url,
                }
                | {f"TOPIC_{severity.upper()}": topic.topic_arn for severity, topic in self.topics.items()},
            ),
        ).resource
