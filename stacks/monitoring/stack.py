"""monitoring: what watches one region from inside it. Dashboards are central: see `global_stack`."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.monitoring.backstage import Backstage, backstage_alarms, function_alarms
from stacks.monitoring.cache import CacheMetrics, cache_alarms, datastore_alarm
from stacks.monitoring.canary import canary_alarms
from stacks.monitoring.condition import Condition, Severity
from stacks.monitoring.dashboards.region import region_dashboard
from stacks.monitoring.database import database_alarms
from stacks.monitoring.delivery import delivery_alarms
from stacks.monitoring.factory import AlarmFactory, all_of, any_of
from stacks.monitoring.flink import flink_alarms
from stacks.monitoring.freshness import LakeFreshness
from stacks.monitoring.lake import lake_alarms
from stacks.monitoring.load_balancer import certificate_alarm, front_door_alarms, nat_alarm
from stacks.monitoring.metric_rules import metric_rules
from stacks.monitoring.notices import Notices
from stacks.monitoring.notification import Notification
from stacks.monitoring.region import RegionMetrics
from stacks.monitoring.service_alarms import inner_service_alarms, service_alarms
from stacks.monitoring.state import MonitoringStateStack
from stacks.monitoring.stream import stream_alarms

#: What publishes to a region's topics.
PUBLISHERS = ("cloudwatch.amazonaws.com",)

REGION_IMPAIRED = Condition(
    "region-impaired",
    Severity.PAGE,
    "The region as a whole fails its users: drain it, then look.",
)


class MonitoringStack(PlatformStack):
    """Alarms live where their metrics do, and a dashboard of them; all of a region's go to its two topics."""

    def __init__(
        self,
        scope: Construct,
        site: Site,
        *,
        state: MonitoringStateStack,
        edge_url: str,
        metrics: RegionMetrics,
        nat_gateways: Sequence[str],
        certificate: str | None,
        backstage: Backstage,
    ) -> None:
        super().__init__(scope, site, "monitoring", description="Alarms of the region and whom they tell")
        settings = site.environment.monitoring
        self.metrics = metrics
        self.notification = Notification(
            self,
            "Notification",
            site=site,
            key=state.key,
            secrets_key=state.secrets_key,
            publishers=PUBLISHERS,
        )
        factory = AlarmFactory(self, site, self.notification.actions)

        impaired = [service_alarms(factory, service) for service in metrics.services]
        for service in metrics.inner:
            inner_service_alarms(factory, service)
        front_door = front_door_alarms(factory, metrics.front_door, settings.anomaly_band)
        own = canary_alarms(factory, edge_url)
        self._region(factory, impaired, [front_door, *own])
        if metrics.database is not None:
            database_alarms(factory, metrics.database)
        cache_alarms(factory, metrics.cache, of="regional")
        if metrics.datastore is not None:
            self._datastore(factory, metrics.datastore)
        if metrics.stream is not None:
            stream_alarms(factory, metrics.stream)
        if metrics.flink is not None:
            flink_alarms(factory, metrics.flink)
        lake_alarms(factory, metrics.lake)
        nat_alarm(factory, nat_gateways)
        if certificate is not None:
            certificate_alarm(factory, certificate, settings.certificate_days, of="load-balancer")
        delivery_alarms(factory, self.notification)
        backstage_alarms(factory, backstage)
        if settings.lake_datasets:
            expected = settings.lake_datasets
            freshness = LakeFreshness(
                self, "Freshness", site=site, expected=expected, key=self.notification.key
            )
            freshness.alarms(factory)
            function_alarms(factory, freshness.function.resource.function_name, of="lake-freshness")
        if settings.notices:
            Notices(self, "Notices", site=site, kinds=settings.notices, notification=self.notification)
        if state.store is not None:
            metric_rules(factory, self.notification, state.store, metrics.manifests)
        region_dashboard(self, metrics)

    def _region(
        self,
        factory: AlarmFactory,
        services: Sequence[cloudwatch.IAlarm],
        whole: Sequence[cloudwatch.IAlarm],
    ) -> None:
        """Every service impaired at once, or something that all of them stand behind."""
        factory.composite(REGION_IMPAIRED, cloudwatch.AlarmRule.any_of(all_of(services), any_of(whole)))

    def _datastore(self, factory: AlarmFactory, datastore: CacheMetrics) -> None:
        cache_alarms(factory, datastore, of="global")
        environment = self.site.environment
        if self.site.region != environment.nearest_datastore_region(environment.writer_region):
            datastore_alarm(factory, datastore)
