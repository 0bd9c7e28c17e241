"""How a new revision of a service takes its viewers over, and what sends it back."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.base import Site, accept_redundant_dependencies
from stacks.ecs.load_balancer import LoadBalancer
from stacks.manifest import Manifest
from stacks.role import granted_role

#: Seconds that a target keeps its open requests after it left the rotation.
DEREGISTRATION_DELAY = 30

PERIOD = cdk.Duration.minutes(1)

#: A deployment is sent back on fewer data points than an on-call engineer is woken for.
EVALUATION_PERIODS = 3
DATAPOINTS_TO_ALARM = 2

#: Error rate (percent) that sends a deployment back: this many times what the objective tolerates.
ERROR_FACTOR = 10

#: Alarms that ECS reads while it deploys.
CONDITIONS = ERRORS, UNHEALTHY = ("deployment-errors", "deployment-unhealthy")

#: Requests a minute below which a rate says nothing.
LEAST_REQUESTS = 20


class Frontage(Construct):
    """The target groups of a service behind the load balancer, its rule, and its deployment alarms.

    Rolling has one group; blue/green has two, of which one is live and the other waits for the next revision.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        vpc: ec2.IVpc,
        manifest: Manifest,
        load_balancer: LoadBalancer,
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.manifest = manifest
        self.balancer = load_balancer.resource
        self.blue_green = site.environment.services.deployment.strategy == "blue-green"
        colours = ("Blue", "Green") if self.blue_green else ("Blue",)
        self.groups = [self._group(colour, vpc) for colour in colours]
        self.rule = load_balancer.rule(manifest, self.groups)
        self.health_rule = load_balancer.health_rule(manifest, self.groups) if manifest.default else None
        self.alarms = [self._errors(), self._unhealthy()]

    @property
    def metrics_dimensions(self) -> list[dict[str, str]]:
        """CloudWatch dimensions of each group."""
        return [
            {
                "LoadBalancer": self.balancer.load_balancer_full_name,
                "TargetGroup": group.target_group_full_name,
            }
            for group in self.groups
        ]

    @property
    def alarm_names(self) -> list[str]:
        return [self._alarm_name(condition) for condition in CONDITIONS]

    def target(self, service: ecs.FargateService) -> None:
        """Registers the service's tasks, and hands the rules to ECS where it is to move them."""
        alternate, first = None, [*self.alarms, *self.rules]
        if self.blue_green:
            role, policy = self._traffic_role()
            first = [*self.alarms, policy]
            alternate = ecs.AlternateTarget(
                "Alternate",
                role=role,
                alternate_target_group=self.groups[1],
                production_listener=ecs.ListenerRuleConfiguration.application_listener_rule(self.rule),
                test_listener=(
                    ecs.ListenerRuleConfiguration.application_listener_rule(self.health_rule)
                    if self.health_rule
                    else None
                ),
            )
        entry = service.load_balancer_target(
            container_name=self.manifest.name,
            container_port=self.manifest.port,
            alternate_target=alternate,
        )
        entry.attach_to_application_target_group(self.groups[0])
        service.node.add_dependency(*first)
        accept_redundant_dependencies(service.node.find_child("Service"))

    @property
    def rules(self) -> list[elb.ApplicationListenerRule]:
        return [self.rule, *([self.health_rule] if self.health_rule else [])]

    def _traffic_role(self) -> tuple[iam.IRole, iam.ManagedPolicy]:
        """With it ECS registers tasks in these groups and moves these rules, and no others."""
        actions = "elasticloadbalancing:"
        described = ("Listeners", "Rules", "TargetGroups", "TargetHealth")
        grants = (
            ("Look", [f"Describe{what}" for what in described], ["*"]),
            ("MoveRules", ["ModifyRule"], [rule.listener_rule_arn for rule in self.rules]),
            (
                "RegisterTasks",
                ["RegisterTargets", "DeregisterTargets"],
                [group.target_group_arn for group in self.groups],
            ),
        )
        return granted_role(
            self,
            name="Traffic",
            assumed_by=iam.ServicePrincipal("ecs.amazonaws.com"),
            description=f"Blue/green deployments of {self.manifest.name}",
            statements=[
                iam.PolicyStatement(sid=sid, actions=[actions + name for name in names], resources=resources)
                for sid, names, resources in grants
            ],
        )

    def _group(self, colour: str, vpc: ec2.IVpc) -> elb.ApplicationTargetGroup:
        health = self.manifest.health
        slow_start = self.site.environment.load_balancer.slow_start_seconds
        algorithms = elb.TargetGroupLoadBalancingAlgorithmType
        return elb.ApplicationTargetGroup(
            self,
            colour,
            vpc=vpc,
            port=self.manifest.port,
            protocol=elb.ApplicationProtocol.HTTP,
            target_type=elb.TargetType.IP,
            deregistration_delay=cdk.Duration.seconds(DEREGISTRATION_DELAY),
            # ELB knows no slow start for groups that choose by outstanding requests.
            load_balancing_algorithm_type=(
                algorithms.ROUND_ROBIN if slow_start else algorithms.LEAST_OUTSTANDING_REQUESTS
            ),
            slow_start=cdk.Duration.seconds(slow_start) if slow_start else None,
            health_check=elb.HealthCheck(
                path=health.path,
                interval=cdk.Duration.seconds(health.interval),
                timeout=cdk.Duration.seconds(health.timeout),
                healthy_threshold_count=health.healthy_threshold,
                unhealthy_threshold_count=health.unhealthy_threshold,
                healthy_http_codes="200",
            ),
        )

    def _sum(self, name: str, statistic: str = "Sum") -> tuple[str, dict[str, cloudwatch.IMetric]]:
        """An expression over all groups; one that has no targets has no data either."""
        prefix = name.lower()
        metrics: dict[str, cloudwatch.IMetric] = {
            f"{prefix}{number}": cloudwatch.Metric(
                namespace="AWS/ApplicationELB",
                metric_name=name,
                dimensions_map=dimensions,
                statistic=statistic,
                period=PERIOD,
            )
            for number, dimensions in enumerate(self.metrics_dimensions)
        }
        filled = ", ".join(f"FILL({key}, 0)" for key in metrics)
        return f"SUM([{filled}])", metrics

    def _errors(self) -> cloudwatch.Alarm:
        errors, error_metrics = self._sum("HTTPCode_Target_5XX_Count")
        requests, request_metrics = self._sum("RequestCount")
        tolerated = round(ERROR_FACTOR * (100 - self.manifest.slo.availability), 6)
        return self._alarm(
            ERRORS,
            f"IF({requests} >= {LEAST_REQUESTS}, 100 * {errors} / {requests}, 0)",
            error_metrics | request_metrics,
            tolerated,
        )

    def _unhealthy(self) -> cloudwatch.Alarm:
        unhealthy, metrics = self._sum("UnHealthyHostCount", "Maximum")
        return self._alarm(UNHEALTHY, unhealthy, metrics, 0)

    def _alarm_name(self, condition: str) -> str:
        return f"{self.site.names.prefix}-{self.manifest.name}-{condition}"

    def _alarm(
        self, condition: str, expression: str, metrics: dict[str, cloudwatch.IMetric], threshold: float
    ) -> cloudwatch.Alarm:
        """An alarm that ECS reads while it deploys; nobody is called for it."""
        options: dict[str, Any] = {"using_metrics": metrics, "period": PERIOD}
        return cloudwatch.Alarm(
            self,
            condition,
            alarm_name=self._alarm_name(condition),
            alarm_description=f"Sends {self.manifest.name}'s deployment back; docs/runbooks/{condition}.md",
            metric=cloudwatch.MathExpression(expression=expression, label=condition, **options),
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            threshold=threshold,
            evaluation_periods=EVALUATION_PERIODS,
            datapoints_to_alarm=DATAPOINTS_TO_ALARM,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
