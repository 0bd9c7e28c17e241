"""monitoring-global: what AWS measures in us-east-1 alone, and the dashboards over all regions. One stack."""

from __future__ import annotations

from collections.abc import Sequence

from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.monitoring.backstage import Backstage, backstage_alarms
from stacks.monitoring.condition import Severity
from stacks.monitoring.cost import CostControl
from stacks.monitoring.dashboards.overview import business_dashboard, global_dashboard, slo_dashboard
from stacks.monitoring.delivery import delivery_alarms
from stacks.monitoring.edge import EdgeMetrics, edge_alarms
from stacks.monitoring.factory import AlarmFactory
from stacks.monitoring.load_balancer import certificate_alarm
from stacks.monitoring.notification import Notification
from stacks.monitoring.region import RegionMetrics
from stacks.monitoring.state import COSTS, MonitoringStateStack


class GlobalMonitoringStack(PlatformStack):
    """Its topics are its own: us-east-1 need not be a region of the platform."""

    def __init__(
        self,
        scope: Construct,
        site: Site,
        *,
        state: MonitoringStateStack,
        edge: EdgeMetrics,
        regions: Sequence[RegionMetrics],
        certificate: str | None,
        backstage: Backstage,
    ) -> None:
        super().__init__(
            scope, site, "monitoring-global", description="Edge alarms, costs and the platform's dashboards"
        )
        settings = site.environment.monitoring
        self.notification = Notification(
            self,
            "Notification",
            site=site,
            key=state.key,
            secrets_key=state.secrets_key,
            of="global",
            publishers=("cloudwatch.amazonaws.com", *COSTS),
        )
        factory = AlarmFactory(self, site, self.notification.actions)
        edge_alarms(factory, edge)
        if certificate is not None:
            certificate_alarm(factory, certificate, settings.certificate_days, of="edge")
        delivery_alarms(factory, self.notification, of="global")
        backstage_alarms(factory, backstage)
        if settings.budgets is not None:
            topic = self.notification.topics[Severity.TICKET]
            CostControl(self, "Costs", site=site, settings=settings.budgets, topic=topic)

        global_dashboard(self, site, regions, edge)
        slo_dashboard(self, site, regions)
        business_dashboard(self, site, regions, edge)
