"""monitoring: one dashboard a region, and the alarms of its services."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.ecs.service import ManifestService
from stacks.monitoring.alarms import AlarmFactory
from stacks.monitoring.service import ServiceMetrics


class MonitoringStack(PlatformStack):
    """Alarms live where their metrics do; all of a region's go to one topic."""

    def __init__(
        self, scope: Construct, site: Site, *, services: Sequence[ManifestService], balancer: str
    ) -> None:
        super().__init__(scope, site, "monitoring", description="Dashboard and service alarms")
        self.topic = self._topic()
        factory = AlarmFactory(self, site, actions.SnsAction(self.topic))
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=site.names.dashboard(site.region))
        for service in services:
            metrics = ServiceMetrics(service, balancer)
            dashboard.add_widgets(*metrics.widgets())
            factory.service_alarms(metrics)

    def _topic(self) -> sns.Topic:
        topic = sns.Topic(self, "Alarms", topic_name=f"{self.site.names.prefix}-alarms", enforce_ssl=True)
        email = self.site.environment.monitoring.alarm_email
        if email:
            topic.add_subscription(subscriptions.EmailSubscription(email))
        return topic
