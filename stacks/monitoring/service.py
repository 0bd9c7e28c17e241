"""The metrics that tell how a service is, and their widgets."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.ecs.service import ManifestService

PERIOD = cdk.Duration.minutes(1)


class ServiceMetrics:
    """Metrics of one service in one region, by the names that ECS and the load balancer publish."""

    def __init__(self, service: ManifestService, balancer: str) -> None:
        self.service = service
        self.name = service.manifest.name
        self._targets = {
            "LoadBalancer": balancer,
            "TargetGroup": service.target_group.target_group_full_name,
        }
        self._tasks = {"ClusterName": service.site.names.cluster, "ServiceName": self.name}

    def _load_balancer(self, name: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/ApplicationELB",
            metric_name=name,
            dimensions_map=self._targets,
            statistic=statistic,
            period=PERIOD,
            label=name,
        )

    def _ecs(self, name: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/ECS",
            metric_name=name,
            dimensions_map=self._tasks,
            statistic="Average",
            period=PERIOD,
            label=name,
        )

    @property
    def requests(self) -> cloudwatch.Metric:
        return self._load_balancer("RequestCount", "Sum")

    @property
    def errors(self) -> cloudwatch.Metric:
        return self._load_balancer("HTTPCode_Target_5XX_Count", "Sum")

    @property
    def latency(self) -> cloudwatch.Metric:
        return self._load_balancer("TargetResponseTime", "p99")

    @property
    def healthy_hosts(self) -> cloudwatch.Metric:
        return self._load_balancer("HealthyHostCount", "Minimum")

    @property
    def cpu(self) -> cloudwatch.Metric:
        return self._ecs("CPUUtilization")

    @property
    def memory(self) -> cloudwatch.Metric:
        return self._ecs("MemoryUtilization")

    def widgets(self) -> list[cloudwatch.IWidget]:
        def graph(title: str, *metrics: cloudwatch.Metric) -> cloudwatch.GraphWidget:
            return cloudwatch.GraphWidget(
                title=f"{self.name}: {title}", left=list(metrics), width=6, height=6
            )

        return [
            graph("requests and errors", self.requests, self.errors),
            graph("latency p99 (s)", self.latency),
            graph("healthy tasks", self.healthy_hosts),
            graph("CPU and memory (%)", self.cpu, self.memory),
        ]
