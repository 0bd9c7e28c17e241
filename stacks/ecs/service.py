"""One construct that turns a manifest into a Fargate service, behind the load balancer where it has paths."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct, IDependable

from stacks.base import Site
from stacks.ecs.capacity import counts
from stacks.ecs.cluster import RegionCluster
from stacks.ecs.deployment import Frontage
from stacks.ecs.load_balancer import LoadBalancer
from stacks.ecs.scaling import ServiceScaling
from stacks.ecs.task import GRPC_PORT_NAME, PORT_NAME, Tasks
from stacks.ecs.telemetry import SPANS, Collector, Workspace
from stacks.manifest import Manifest
from stacks.network.egress import allow_needs
from stacks.network.stack import PRIVATE
from stacks.settings import TaskCount


class ManifestService(Construct):
    """Service, target groups, scaling and permissions of one manifest in one region."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        cluster: RegionCluster,
        manifest: Manifest,
        tasks: Tasks,
        load_balancer: LoadBalancer,
        workspace: Workspace | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.cluster = cluster
        self.manifest = manifest
        self.tasks = tasks
        self.security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=cluster.resource.vpc,
            description=f"Tasks of {manifest.name}",
            allow_all_outbound=False,
        )
        allow_needs(self.security_group, site, manifest.needs)
        self.frontage = self._frontage(load_balancer) if manifest.exposed else None
        self.task_definition = tasks.define(self, manifest.name, manifest.command)
        if workspace is not None:
            self._observe(workspace)
        if manifest.scaling.concurrency:
            self._report()
        self.service = self._service()
        if self.frontage:
            self.frontage.target(self.service)
            load_balancer.admit(self.security_group, manifest.port)
        self.scaling = ServiceScaling(
            self,
            "Scaling",
            site=site,
            service=self.service,
            manifest=manifest,
            count=self.count,
            groups=self.frontage.metrics_dimensions if self.frontage else [],
        )

    @property
    def count(self) -> TaskCount:
        """The environment's counts where it sets them, else the manifest's."""
        return counts(self.site.environment, self.manifest)

    @property
    def target_groups(self) -> list[elb.ApplicationTargetGroup]:
        """Where its tasks are: one group, or the two that blue/green deployments alternate between."""
        return self.frontage.groups if self.frontage else []

    @property
    def target_group(self) -> elb.ApplicationTargetGroup:
        """The group that is live at birth."""
        return self.target_groups[0]

    def wait_for(self, dependency: IDependable) -> None:
        self.service.node.add_dependency(dependency)

    def _observe(self, workspace: Workspace) -> None:
        """The service's own task alone: a task that runs to its end has no metrics to be read."""
        settings, container = self.site.environment.telemetry, self.task_definition.default_container
        if settings is None or container is None:
            return
        for name, value in SPANS.items():
            container.add_environment(name, value)
        Collector(
            self,
            "Collector",
            site=self.site,
            settings=settings,
            manifest=self.manifest,
            definition=self.task_definition,
            workspace=workspace,
            logging=self.tasks.log_driver(f"{self.manifest.name}-collector"),
        )

    def _report(self) -> None:
        """To CloudWatch, where scaling looks."""
        if self.task_definition.default_container is not None:
            self.task_definition.default_container.add_environment("METRICS_EMF", "true")

    def _frontage(self, load_balancer: LoadBalancer) -> Frontage:
        return Frontage(
            self,
            "Frontage",
            site=self.site,
            vpc=self.cluster.resource.vpc,
            manifest=self.manifest,
            load_balancer=load_balancer,
        )

    def _service(self) -> ecs.FargateService:
        deployment = self.site.environment.services.deployment
        blue_green = self.frontage is not None and self.frontage.blue_green
        return ecs.FargateService(
            self,
            "Service",
            service_name=self.manifest.name,
            cluster=self.cluster.resource,
            task_definition=self.task_definition,
            desired_count=self.count.desired,
            capacity_provider_strategies=self.cluster.strategies,
            availability_zone_rebalancing=ecs.AvailabilityZoneRebalancing.ENABLED,
            deployment_strategy=(
                ecs.DeploymentStrategy.BLUE_GREEN if blue_green else ecs.DeploymentStrategy.ROLLING
            ),
            bake_time=cdk.Duration.minutes(deployment.bake_minutes) if blue_green else None,
            min_healthy_percent=deployment.minimum_healthy_percent,
            max_healthy_percent=deployment.maximum_percent,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            deployment_alarms=(
                ecs.DeploymentAlarmConfig(
                    alarm_names=self.frontage.alarm_names, behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM
                )
                if self.frontage
                else None
            ),
            health_check_grace_period=(
                cdk.Duration.seconds(self.manifest.health.start_period) if self.frontage else None
            ),
            security_groups=[self.security_group, self._neighbours()],
            vpc_subnets=ec2.SubnetSelection(subnet_group_name=PRIVATE),
            assign_public_ip=False,
            enable_execute_command=self.site.environment.services.execute_command,
            enable_ecs_managed_tags=True,
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
            service_connect_configuration=self._service_connect(),
        )

    def _neighbours(self) -> ec2.ISecurityGroup:
        if self.manifest.grpc:
            self.cluster.join(self.manifest.grpc)
        return self.cluster.join(self.manifest.port)

    def _connected(self, port_name: str, name: str, port: int) -> ecs.ServiceConnectService:
        return ecs.ServiceConnectService(
            port_mapping_name=port_name, discovery_name=name, dns_name=name, port=port
        )

    def _service_connect(self) -> ecs.ServiceConnectProps:
        """Neighbours call ``http://<name>:<port>`` and gRPC at ``<name>-grpc:<grpc>``.

        The proxy writes one JSON line a request.
        """
        name = self.manifest.name
        services = [self._connected(PORT_NAME, name, self.manifest.port)]
        if self.manifest.grpc:
            services.append(self._connected(GRPC_PORT_NAME, f"{name}-grpc", self.manifest.grpc))
        return ecs.ServiceConnectProps(
            namespace=self.site.names.namespace,
            services=services,
            log_driver=self.tasks.log_driver(f"{self.manifest.name}-connect"),
            access_log_configuration=ecs.ServiceConnectAccessLogConfiguration(
                format=ecs.ServiceConnectAccessLogFormat.JSON
            ),
        )
