"""One construct that turns a manifest into a Fargate service behind the region's load balancer."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_logs as logs
from constructs import Construct, IDependable

from stacks.base import Site, retention
from stacks.ecs.load_balancer import LoadBalancer
from stacks.ecs.variables import TaskVariables
from stacks.manifest import Manifest
from stacks.network.egress import allow_needs
from stacks.network.stack import PRIVATE
from stacks.settings import TaskCount
from stacks.yaml_file import ROOT

#: Seconds that a target keeps its open requests after it left the rotation.
DEREGISTRATION_DELAY = 30

CPU_TARGET_PERCENT = 60
MEMORY_TARGET_PERCENT = 70

_PLATFORMS = {
    "arm64": (ecr_assets.Platform.LINUX_ARM64, ecs.CpuArchitecture.ARM64),
    "x86_64": (ecr_assets.Platform.LINUX_AMD64, ecs.CpuArchitecture.X86_64),
}


class ManifestService(Construct):
    """Task definition, service, target group, scaling and logs of one manifest in one region."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        cluster: ecs.ICluster,
        manifest: Manifest,
        variables: TaskVariables,
        load_balancer: LoadBalancer,
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.cluster = cluster
        self.manifest = manifest
        self.variables = variables
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/{site.names.prefix}/{manifest.name}",
            retention=retention(site.environment.services.log_days),
            removal_policy=site.removal_policy,
        )
        self.image = self._image()
        self.security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=cluster.vpc,
            description=f"Tasks of {manifest.name}",
            allow_all_outbound=False,
        )
        allow_needs(self.security_group, site, manifest.needs)
        self.task_definition = self.task(self, manifest.name, manifest.command)
        self.target_group = self._target_group()
        self.service = self._service()
        self.service.attach_to_application_target_group(self.target_group)
        load_balancer.admit(self.security_group, manifest.port)
        self._scale()

    @property
    def count(self) -> TaskCount:
        """The environment's counts where it sets them, else the manifest's."""
        return self.site.environment.services.tasks or self.manifest.count

    def wait_for(self, dependency: IDependable) -> None:
        self.service.node.add_dependency(dependency)

    def task(self, scope: Construct, name: str, command: list[str]) -> ecs.FargateTaskDefinition:
        """A task definition of this service's image and environment that runs ``command``."""
        _, architecture = _PLATFORMS[self.site.environment.services.architecture]
        definition = ecs.FargateTaskDefinition(
            scope,
            "Task",
            family=self.site.names.task_family(name),
            cpu=self.manifest.cpu,
            memory_limit_mib=self.manifest.memory,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=architecture, operating_system_family=ecs.OperatingSystemFamily.LINUX
            ),
        )
        definition.add_volume(name="tmp")
        container = definition.add_container(
            "app",
            container_name=self.manifest.name,
            image=ecs.ContainerImage.from_docker_image_asset(self.image),
            command=command,
            environment=self.variables.plain(self.manifest),
            secrets=self.variables.secrets(self.manifest),
            port_mappings=[ecs.PortMapping(container_port=self.manifest.port, name="http")],
            readonly_root_filesystem=True,
            stop_timeout=cdk.Duration.seconds(DEREGISTRATION_DELAY + 10),
            logging=ecs.LogDrivers.aws_logs(
                stream_prefix=name, log_group=self.log_group, mode=ecs.AwsLogDriverMode.NON_BLOCKING
            ),
        )
        container.add_mount_points(
            ecs.MountPoint(container_path="/tmp", source_volume="tmp", read_only=False)  # noqa: S108
        )
        return definition

    def _image(self) -> ecr_assets.DockerImageAsset:
        platform, _ = _PLATFORMS[self.site.environment.services.architecture]
        return ecr_assets.DockerImageAsset(
            self,
            "Image",
            directory=str(ROOT / "services"),
            build_args={"SERVICE": self.manifest.name.replace("-", "_")},
            platform=platform,
            asset_name=self.manifest.name,
            exclude=["**/__pycache__", "**/*.pyc", "**/.mypy_cache", "**/.pytest_cache"],
            ignore_mode=cdk.IgnoreMode.DOCKER,
        )

    def _target_group(self) -> elb.ApplicationTargetGroup:
        health = self.manifest.health
        return elb.ApplicationTargetGroup(
            self,
            "Targets",
            vpc=self.cluster.vpc,
            port=self.manifest.port,
            protocol=elb.ApplicationProtocol.HTTP,
            target_type=elb.TargetType.IP,
            deregistration_delay=cdk.Duration.seconds(DEREGISTRATION_DELAY),
            load_balancing_algorithm_type=elb.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS,
            health_check=elb.HealthCheck(
                path=health.path,
                interval=cdk.Duration.seconds(health.interval),
                timeout=cdk.Duration.seconds(health.timeout),
                healthy_threshold_count=health.healthy_threshold,
                unhealthy_threshold_count=health.unhealthy_threshold,
                healthy_http_codes="200",
            ),
        )

    def _service(self) -> ecs.FargateService:
        return ecs.FargateService(
            self,
            "Service",
            service_name=self.manifest.name,
            cluster=self.cluster,
            task_definition=self.task_definition,
            desired_count=self.count.desired,
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            health_check_grace_period=cdk.Duration.seconds(self.manifest.health.start_period),
            security_groups=[self.security_group],
            vpc_subnets=ec2.SubnetSelection(subnet_group_name=PRIVATE),
            assign_public_ip=False,
            enable_execute_command=False,
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )

    def _scale(self) -> None:
        count = self.service.auto_scale_task_count(min_capacity=self.count.min, max_capacity=self.count.max)
        count.scale_on_cpu_utilization("Cpu", target_utilization_percent=CPU_TARGET_PERCENT)
        count.scale_on_memory_utilization("Memory", target_utilization_percent=MEMORY_TARGET_PERCENT)
