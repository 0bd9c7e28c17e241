"""How many tasks a service has: between its bounds, by what its manifest tracks."""

from __future__ import annotations

from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from stacks.base import Site
from stacks.manifest import Lag, Manifest
from stacks.settings import TaskCount

#: More tasks soon, fewer late: a minute without is dearer than a task too many.
SCALE_OUT_SECONDS = 60
SCALE_IN_SECONDS = 300

_Query = autoscaling.CfnScalingPolicy.TargetTrackingMetricDataQueryProperty
_Stat = autoscaling.CfnScalingPolicy.TargetTrackingMetricStatProperty
_Metric = autoscaling.CfnScalingPolicy.TargetTrackingMetricProperty
_Dimension = autoscaling.CfnScalingPolicy.TargetTrackingMetricDimensionProperty


class ServiceScaling(Construct):
    """Target tracking of one service; the policy that asks for most tasks wins.

    ``groups`` holds the CloudWatch dimensions of each target group. ALBRequestCountPerTarget names one group
    and so does not survive a blue/green deployment; the sum over both does.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        service: ecs.FargateService,
        manifest: Manifest,
        count: TaskCount,
        groups: list[dict[str, str]],
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.manifest = manifest
        wanted = manifest.scaling
        self.target = service.auto_scale_task_count(min_capacity=count.min, max_capacity=count.max)
        self.target.scale_on_cpu_utilization("Cpu", target_utilization_percent=wanted.cpu)
        self.target.scale_on_memory_utilization("Memory", target_utilization_percent=wanted.memory)
        scalable = self.target.node.find_child("Target").node.default_child
        if not isinstance(scalable, autoscaling.CfnScalableTarget):
            raise TypeError("the CDK's scalable target is built otherwise than expected")
        self.scalable = scalable
        if wanted.requests_per_target:
            self._track("Requests", self._requests(groups), wanted.requests_per_target)
        if wanted.concurrency:
            self._track("Concurrency", self._concurrency(), wanted.concurrency)
        if wanted.lag:
            self._track("Lag", self._lag(wanted.lag), wanted.lag.messages_per_task)

    def _track(self, name: str, queries: list[_Query], value: float) -> None:
        policies = autoscaling.CfnScalingPolicy
        policies(
            self,
            name,
            policy_name=f"{self.site.names.prefix}-{self.manifest.name}-{name.lower()}",
            policy_type="TargetTrackingScaling",
            scaling_target_id=self.scalable.ref,
            target_tracking_scaling_policy_configuration=policies.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=value,
                scale_in_cooldown=SCALE_IN_SECONDS,
                scale_out_cooldown=SCALE_OUT_SECONDS,
                customized_metric_specification=policies.CustomizedMetricSpecificationProperty(
                    metrics=queries
                ),
            ),
        )

    def _requests(self, groups: list[dict[str, str]]) -> list[_Query]:
        """Requests a minute and task, over every target group."""
        counted = [
            _metric(f"requests{number}", "AWS/ApplicationELB", "RequestCountPerTarget", "Sum", dimensions)
            for number, dimensions in enumerate(groups)
        ]
        filled = ", ".join(f"FILL({query.id}, 0)" for query in counted)
        return [*counted, _expression(f"SUM([{filled}])")]

    def _concurrency(self) -> list[_Query]:
        """Requests in flight, of an average task: what a service spends its time waiting for takes no CPU.

        The service itself says so each minute (`richesreach.core.embedded_metrics`).
        """
        own = {
            "service": self.manifest.name,
            "region": self.site.region,
            "environment": self.site.environment.name,
        }
        # Where nothing is said nothing is known: no 0 is made of it, which would take tasks away.
        return [_metric("tracked", "RichesReach/Services", "ActiveConnections", "Average", own, tracked=True)]

    def _lag(self, lag: Lag) -> list[_Query]:
        """Messages of a consumer group that wait, for each running task (Container Insights counts those)."""
        waiting = {
            "Cluster Name": self.site.names.stream_cluster,
            "Consumer Group": lag.group,
            "Topic": lag.topic,
        }
        tasks = {"ClusterName": self.site.names.cluster, "ServiceName": self.manifest.name}
        return [
            _metric("waiting", "AWS/Kafka", "SumOffsetLag", "Maximum", waiting),
            _metric("tasks", "ECS/ContainerInsights", "RunningTaskCount", "Average", tasks),
            _expression("waiting / IF(tasks < 1, 1, tasks)"),
        ]


def _metric(
    name: str,
    namespace: str,
    metric: str,
    statistic: str,
    dimensions: dict[str, str],
    *,
    tracked: bool = False,
) -> _Query:
    return _Query(
        id=name,
        return_data=tracked,
        metric_stat=_Stat(
            stat=statistic,
            metric=_Metric(
                namespace=namespace,
                metric_name=metric,
                dimensions=[_Dimension(name=key, value=value) for key, value in dimensions.items()],
            ),
        ),
    )


def _expression(expression: str) -> _Query:
    return _Query(id="tracked", expression=expression, return_data=True)
