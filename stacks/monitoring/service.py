"""The metrics of one service in one region, by the names that ECS and the load balancer publish."""

from __future__ import annotations

import re
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.base import Site
from stacks.manifest import Manifest
from stacks.settings import TaskCount

MINUTE = cdk.Duration.minutes(1)


class ServiceMetrics:
    """``target_groups`` are full names; a service that deploys blue/green has two, and a sum over both
    holds whichever of them serves."""

    def __init__(
        self,
        *,
        site: Site,
        manifest: Manifest,
        count: TaskCount,
        balancer: str,
        target_groups: Sequence[str],
        log_group: str,
    ) -> None:
        self.site = site
        self.manifest = manifest
        self.name = manifest.name
        self.count = count
        self.log_group = log_group
        self._balancer = balancer
        self._target_groups = target_groups

    def of_targets(self, name: str, statistic: str, period: cdk.Duration = MINUTE) -> list[cloudwatch.Metric]:
        """A metric of each target group."""
        return [
            cloudwatch.Metric(
                namespace="AWS/ApplicationELB",
                metric_name=name,
                dimensions_map={"LoadBalancer": self._balancer, "TargetGroup": group},
                statistic=statistic,
                period=period,
                region=self.site.region,
                label=f"{self.name} {name}",
            )
            for group in self._target_groups
        ]

    def requests(self, period: cdk.Duration = MINUTE) -> cloudwatch.IMetric:
        return _total(self.of_targets("RequestCount", "Sum", period), f"{self.name} requests")

    def errors(self, period: cdk.Duration = MINUTE) -> cloudwatch.IMetric:
        """Answers of 5xx; published only in minutes that have one."""
        return _total(self.of_targets("HTTPCode_Target_5XX_Count", "Sum", period), f"{self.name} 5xx")

    def latency(self) -> list[cloudwatch.Metric]:
        """p99 in seconds."""
        return self.of_targets("TargetResponseTime", "p99")

    def healthy_hosts(self) -> cloudwatch.IMetric:
        """Tasks that pass the load balancer's check, in the group that has more of them."""
        groups = self.of_targets("HealthyHostCount", "Minimum")
        return _combined(groups, "MAX", f"{self.name} healthy tasks")

    def ecs(self, name: str) -> cloudwatch.Metric:
        """Utilisation of the service's tasks in percent of what they reserve."""
        return self._of_tasks("AWS/ECS", name, "Average")

    def insights(self, name: str) -> cloudwatch.Metric:
        """A metric that exists only where Container Insights is on."""
        return self._of_tasks("ECS/ContainerInsights", name, "Average")

    def _of_tasks(self, namespace: str, name: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map={"ClusterName": self.site.names.cluster, "ServiceName": self.name},
            statistic=statistic,
            period=MINUTE,
            region=self.site.region,
            label=f"{self.name} {name}",
        )


def named(metrics: Sequence[cloudwatch.IMetric], stem: str) -> dict[str, cloudwatch.IMetric]:
    """Identifiers for metric math: ``stem0``, ``stem1``, ..."""
    return {f"{stem}{number}": metric for number, metric in enumerate(metrics)}


def _total(metrics: Sequence[cloudwatch.Metric], label: str) -> cloudwatch.IMetric:
    return _combined(metrics, "SUM", label)


def _combined(metrics: Sequence[cloudwatch.Metric], function: str, label: str) -> cloudwatch.IMetric:
    """The group that serves nobody publishes nothing: it counts as 0.

    ``label`` is unique on a widget, and so are the identifiers that are made from it.
    """
    if len(metrics) == 1:
        return metrics[0]
    using = named(metrics, f"{re.sub('[^A-Za-z0-9]', '_', label)}_")
    return cloudwatch.MathExpression(
        expression=f"{function}([{', '.join(f'FILL({name}, 0)' for name in using)}])",
        using_metrics=using,
        period=metrics[0].period,
        label=label,
    )
