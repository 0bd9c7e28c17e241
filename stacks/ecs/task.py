"""Task definitions of a manifest: the service's own, and those of the tasks that run to their end."""

from __future__ import annotations

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.base import Site, retention
from stacks.datalake.stack import DataLakeStack
from stacks.ecs.deployment import DEREGISTRATION_DELAY
from stacks.ecs.permissions import model_statements, task_statements
from stacks.ecs.stream import stream_statements
from stacks.ecs.variables import TaskVariables
from stacks.manifest import Manifest
from stacks.role import granted_role
from stacks.secret import opens
from stacks.yaml_file import ROOT

#: Name of the port that Service Connect and the load balancer speak to.
PORT_NAME = "http"
GRPC_PORT_NAME = "grpc"

#: The proxy of Service Connect then counts requests by status instead of bytes.
HTTP = cast(ecs.AppProtocol, ecs.AppProtocol.http)
GRPC = cast(ecs.AppProtocol, ecs.AppProtocol.grpc)

#: Log lines wait here while CloudWatch Logs is slow; beyond it they are lost rather than the service held.
LOG_BUFFER = cdk.Size.mebibytes(25)

#: Open files: a connection each of viewers, database, caches and neighbours.
OPEN_FILES = 65536

_PLATFORMS = {
    "arm64": (ecr_assets.Platform.LINUX_ARM64, ecs.CpuArchitecture.ARM64),
    "x86_64": (ecr_assets.Platform.LINUX_AMD64, ecs.CpuArchitecture.X86_64),
}


class Tasks(Construct):
    """The image, log group and settings that all task definitions of one manifest share."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        manifest: Manifest,
        variables: TaskVariables,
        lake: DataLakeStack,
        log_key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.manifest = manifest
        self.variables = variables
        self.lake = lake
        self.log_key = log_key
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/{site.names.prefix}/{manifest.name}",
            encryption_key=log_key,
            retention=retention(site.environment.services.log_days),
            removal_policy=site.removal_policy,
        )
        self.image = self._image()
        self.execution_role, self.execution_policy = self._execution_role()

    def define(self, scope: Construct, name: str, command: list[str]) -> ecs.FargateTaskDefinition:
        """A task definition of this manifest's image and environment that runs ``command``.

        The target group's health check decides; a second one in the container could only disagree with it.
        """
        _, architecture = _PLATFORMS[self.site.environment.services.architecture]
        definition = ecs.FargateTaskDefinition(
            scope,
            "Task",
            family=self.site.names.task_family(name),
            execution_role=self.execution_role,
            task_role=self._task_role(scope, name),
            cpu=self.manifest.cpu,
            memory_limit_mib=self.manifest.memory,
            ephemeral_storage_gib=self.manifest.ephemeral_storage,
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
            port_mappings=self._ports(),
            readonly_root_filesystem=True,
            linux_parameters=self._linux(scope),
            ulimits=[ecs.Ulimit(name=ecs.UlimitName.NOFILE, soft_limit=OPEN_FILES, hard_limit=OPEN_FILES)],
            # A request that came in with the last moment of the target's rotation is still answered.
            stop_timeout=cdk.Duration.seconds(DEREGISTRATION_DELAY + 10),
            logging=self.log_driver(name),
        )
        container.add_mount_points(
            ecs.MountPoint(container_path="/tmp", source_volume="tmp", read_only=False)  # noqa: S108
        )
        # It names the role, but not the policy without which no task of it starts.
        definition.node.add_dependency(self.execution_policy)
        return definition

    def _ports(self) -> list[ecs.PortMapping]:
        ports = [ecs.PortMapping(container_port=self.manifest.port, name=PORT_NAME, app_protocol=HTTP)]
        if self.manifest.grpc:
            ports.append(
                ecs.PortMapping(container_port=self.manifest.grpc, name=GRPC_PORT_NAME, app_protocol=GRPC)
            )
        return ports

    def _execution_role(self) -> tuple[iam.IRole, iam.ManagedPolicy]:
        """What ECS does before a task runs: it pulls the image, opens the log and reads the secrets."""
        role, policy = granted_role(
            self,
            name="Execution",
            assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
            description=f"Starts the tasks of {self.manifest.name}",
        )
        self.image.repository.grant_pull(policy)
        self.log_group.grant_write(policy)
        secrets = self.variables.secrets(self.manifest)
        for secret in secrets.values():
            secret.grant_read(policy)
        if secrets:
            policy.add_statements(opens(self.variables.secrets_key))
        return role, policy

    def _task_role(self, scope: Construct, name: str) -> iam.Role:
        """ECS Exec, where the environment has it, adds what a recorded shell needs."""
        role = iam.Role(scope, "TaskRole", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
        bucket = self.site.names.lake_bucket(self.site.account, self.site.region)
        statements = [
            *task_statements(self.manifest, bucket, self.lake.key),
            *(model_statements(self.manifest, self.site.account) if name == self.manifest.name else ()),
            *self.variables.user_pool.statements(self.manifest),
        ]
        if self.variables.stream is not None:
            statements += stream_statements(self.manifest, self.site, self.variables.stream.cluster)
        if statements:
            iam.ManagedPolicy(
                scope, "TaskPolicy", description=f"What {name} needs", roles=[role], statements=statements
            )
        return role

    def log_driver(self, prefix: str) -> ecs.LogDriver:
        """Never waits: a service outlives a slow CloudWatch Logs."""
        return ecs.LogDrivers.aws_logs(
            stream_prefix=prefix,
            log_group=self.log_group,
            mode=ecs.AwsLogDriverMode.NON_BLOCKING,
            max_buffer_size=LOG_BUFFER,
        )

    def _linux(self, scope: Construct) -> ecs.LinuxParameters:
        """An init process reaps what the service's children leave behind, and passes signals on."""
        parameters = ecs.LinuxParameters(scope, "Linux", init_process_enabled=True)
        parameters.drop_capabilities(ecs.Capability.ALL)
        return parameters

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
