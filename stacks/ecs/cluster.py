"""The cluster of a region: its capacity, its namespace, and how a shell in a task is recorded."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_servicediscovery as servicediscovery
from constructs import Construct

from stacks.base import Site, retention


class RegionCluster(Construct):
    """Fargate and Fargate Spot; services find each other in an HTTP namespace (Service Connect)."""

    def __init__(
        self, scope: Construct, construct_id: str, *, site: Site, vpc: ec2.IVpc, exec_key: kms.IKey | None
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        settings = site.environment.services
        self.namespace = servicediscovery.HttpNamespace(
            self,
            "Namespace",
            name=site.names.namespace,
            description=f"Services of {site.names.prefix} in {site.region}",
        )
        self.neighbours = ec2.SecurityGroup(
            self,
            "Neighbours",
            vpc=vpc,
            description="Services that call each other",
            allow_all_outbound=False,
        )
        self._open: set[int] = set()
        self.resource = ecs.Cluster(
            self,
            "Ecs",
            cluster_name=site.names.cluster,
            vpc=vpc,
            enable_fargate_capacity_providers=True,
            container_insights_v2=(
                ecs.ContainerInsights.ENHANCED
                if settings.container_insights
                else ecs.ContainerInsights.DISABLED
            ),
            execute_command_configuration=self._recorded(exec_key) if exec_key else None,
        )

    def join(self, port: int) -> ec2.ISecurityGroup:
        """The group of all services, in which a service's port is open to its neighbours."""
        if port not in self._open:
            self._open.add(port)
            self.neighbours.add_ingress_rule(self.neighbours, ec2.Port.tcp(port), "from a neighbour")
            self.neighbours.add_egress_rule(self.neighbours, ec2.Port.tcp(port), "to a neighbour")
        return self.neighbours

    @property
    def strategies(self) -> list[ecs.CapacityProviderStrategy]:
        """Where tasks are placed: the base on Fargate, what is above it by weight."""
        capacity = self.site.environment.services.capacity
        on_demand = ecs.CapacityProviderStrategy(
            capacity_provider="FARGATE", base=capacity.on_demand_base, weight=capacity.on_demand_weight
        )
        if not capacity.spot_weight:
            return [on_demand]
        spot = ecs.CapacityProviderStrategy(capacity_provider="FARGATE_SPOT", weight=capacity.spot_weight)
        return [on_demand, spot]

    def _recorded(self, key: kms.IKey) -> ecs.ExecuteCommandConfiguration:
        """Every session of ECS Exec is encrypted and written to an own log group."""
        group = logs.LogGroup(
            self,
            "ExecLogs",
            log_group_name=self.site.names.exec_log_group,
            encryption_key=key,
            retention=retention(self.site.environment.services.log_days),
            removal_policy=self.site.removal_policy,
        )
        return ecs.ExecuteCommandConfiguration(
            kms_key=key,
            logging=ecs.ExecuteCommandLogging.OVERRIDE,
            log_configuration=ecs.ExecuteCommandLogConfiguration(
                cloud_watch_log_group=group, cloud_watch_encryption_enabled=True
            ),
        )
