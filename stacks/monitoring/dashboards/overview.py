"""The dashboards above the regions: error budgets, business, and the platform on one page."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.base import Site
from stacks.monitoring.burn_rate import BUDGET_DAYS
from stacks.monitoring.dashboards.widgets import burn_down, graph, heading
from stacks.monitoring.edge import EdgeMetrics
from stacks.monitoring.region import RegionMetrics
from stacks.monitoring.slo import indicators

HOUR = cdk.Duration.hours(1)


def slo_dashboard(scope: Construct, site: Site, regions: Sequence[RegionMetrics]) -> cloudwatch.Dashboard:
    """What is left of every error budget: availability beside latency, a row for each service and region."""
    dashboard = cloudwatch.Dashboard(scope, "Slo", dashboard_name=f"{site.names.prefix}-slo")
    for metrics in regions:
        region = metrics.site.region
        dashboard.add_widgets(heading(f"## {region}"))
        for service in metrics.services:
            dashboard.add_widgets(
                *(
                    burn_down(
                        f"{service.name}: {indicator.name}, {indicator.objective:g} % good",
                        region,
                        indicator.budget_left(HOUR),
                        BUDGET_DAYS,
                    )
                    for indicator in indicators(service)
                )
            )
    return dashboard


def business_dashboard(
    scope: Construct, site: Site, regions: Sequence[RegionMetrics], edge: EdgeMetrics
) -> cloudwatch.Dashboard:
    """What users ask for and get, by region and by service. Users themselves are counted by no metric yet."""
    dashboard = cloudwatch.Dashboard(scope, "Business", dashboard_name=f"{site.names.prefix}-business")
    dashboard.add_widgets(
        graph("Requests of viewers", edge.region, edge.cloudfront("Requests", "Sum"), width=12),
        graph("Answers that failed (%)", edge.region, edge.cloudfront("5xxErrorRate", "Average"), width=12),
    )
    dashboard.add_widgets(
        graph(
            "Requests by region",
            site.region,
            *(m.front_door.metric("RequestCount") for m in regions),
            width=12,
        ),
        graph(
            "Latency p99 by region (s)",
            site.region,
            *(m.front_door.metric("TargetResponseTime", "p99") for m in regions),
            width=12,
        ),
    )
    for metrics in regions:
        dashboard.add_widgets(
            graph(
                f"{metrics.site.region}: requests by service",
                metrics.site.region,
                *(service.requests() for service in metrics.services),
                width=24,
            )
        )
    return dashboard


def global_dashboard(
    scope: Construct, site: Site, regions: Sequence[RegionMetrics], edge: EdgeMetrics
) -> cloudwatch.Dashboard:
    """The platform on one page: the edge, which regions are in rotation, what lies between them."""
    dashboard = cloudwatch.Dashboard(scope, "Global", dashboard_name=f"{site.names.prefix}-global")
    dashboard.add_widgets(
        graph("Edge: errors (%)", edge.region, edge.cloudfront("5xxErrorRate", "Average"), width=8),
        graph("Origins that pass their check", edge.region, *edge.health_checks.values(), width=8),
        graph(
            "Replication lag of Aurora (ms)",
            site.region,
            *(
                m.database.across_dimensions("AuroraGlobalDBReplicationLag", elsewhere=True)
                for m in regions
                if m.database is not None
            ),
            width=8,
        ),
    )
    for metrics in regions:
        region, door = metrics.site.region, metrics.front_door
        dashboard.add_widgets(heading(f"## {region}"))
        dashboard.add_widgets(
            graph("Requests", region, door.metric("RequestCount"), width=8),
            graph("Latency p99 (s)", region, door.metric("TargetResponseTime", "p99"), width=8),
            graph("5xx of the load balancer (%)", region, door.failed(), width=8),
        )
    return dashboard
