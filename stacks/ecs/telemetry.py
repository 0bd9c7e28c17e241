"""The collector beside a service's task: it reads the service's metrics and takes its traces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.base import Site
from stacks.ecs.settings import TelemetrySettings
from stacks.errors import ConfigurationError
from stacks.manifest import Manifest
from stacks.yaml_file import ROOT

CONFIGURATION = ROOT / "stacks" / "ecs" / "collector.yaml"

#: Where the service sends its spans: OTLP over HTTP, the protocol that OpenTelemetry's specification takes
#: unless it is told otherwise.
SPANS = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
}

#: X-Ray knows no resource for what is put into it (service authorization reference of X-Ray).
PUT_TRACES = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")

#: At most this share of a task's size goes to the collector.
LARGEST_SHARE = 0.5


@dataclass(frozen=True)
class Workspace:
    """A region's Managed Prometheus workspace; ``endpoint`` ends in a slash."""

    arn: str
    endpoint: str


@dataclass(frozen=True)
class Observation:
    """What watches a region's tasks, where the environment has it: the key under which shells in them are
    recorded, and the workspace that keeps their metrics."""

    exec_key: kms.IKey | None
    workspace: Workspace | None


class Collector(Construct):
    """A second container in ``definition``. The service outlives it: it is not essential, and nothing waits
    for it. Its configuration is a plain variable, so that a revision that is sent back takes its own along.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        settings: TelemetrySettings,
        manifest: Manifest,
        definition: ecs.FargateTaskDefinition,
        workspace: Workspace,
        logging: ecs.LogDriver,
    ) -> None:
        super().__init__(scope, construct_id)
        _check_size(settings, manifest)
        self.definition = definition
        linux = ecs.LinuxParameters(self, "Linux", init_process_enabled=False)
        linux.drop_capabilities(ecs.Capability.ALL)
        definition.add_container(
            "collector",
            container_name="collector",
            image=ecs.ContainerImage.from_registry(settings.image),
            essential=False,
            cpu=settings.cpu,
            memory_limit_mib=settings.memory,
            memory_reservation_mib=settings.memory // 2,
            readonly_root_filesystem=True,
            linux_parameters=linux,
            environment=_variables(site, settings, manifest, workspace),
            # The image is made from nothing and holds this program for the purpose.
            health_check=ecs.HealthCheck(
                command=["CMD", "/healthcheck"],
                interval=cdk.Duration.seconds(30),
                timeout=cdk.Duration.seconds(5),
                retries=3,
                start_period=cdk.Duration.seconds(30),
            ),
            logging=logging,
        )
        self.policy = self._grant(workspace)

    def _grant(self, workspace: Workspace) -> iam.ManagedPolicy:
        return iam.ManagedPolicy(
            self,
            "Policy",
            description="The collector writes metrics to the region's workspace and traces to X-Ray",
            roles=[self.definition.task_role],
            statements=[
                iam.PolicyStatement(
                    sid="WriteMetrics", actions=["aps:RemoteWrite"], resources=[workspace.arn]
                ),
                iam.PolicyStatement(sid="PutTraces", actions=[*PUT_TRACES], resources=["*"]),
            ],
        )


def _variables(
    site: Site, settings: TelemetrySettings, manifest: Manifest, workspace: Workspace
) -> dict[str, str]:
    values = {
        "AWS_REGION": site.region,
        "ENVIRONMENT": site.environment.name,
        "METRICS_ENDPOINT": f"{workspace.endpoint}api/v1/remote_write",
        "SCRAPE_INTERVAL": f"{settings.scrape_seconds}s",
        "SERVICE_NAME": manifest.name,
        "SERVICE_PORT": str(manifest.port),
        "TRACE_PERCENT": f"{settings.trace_percent:g}",
    }
    return {
        # The collector takes its configuration from this variable where it is set.
        "AOT_CONFIG_CONTENT": configuration(values),
        "AWS_REGION": site.region,
        # Go's own limit, below the container's: it collects before the kernel kills.
        "GOMEMLIMIT": f"{settings.memory * 3 // 4}MiB",
    }


def configuration(values: Mapping[str, str]) -> str:
    """The collector's YAML with ``values`` in the places of their names."""
    text = CONFIGURATION.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"__{name}__", value)
    return text


def _check_size(settings: TelemetrySettings, manifest: Manifest) -> None:
    """A Fargate task has one size for all of its containers.

    Raises:
        ConfigurationError: the collector would take more than half of it.
    """
    for key, taken, whole in (
        ("cpu", settings.cpu, manifest.cpu),
        ("memory", settings.memory, manifest.memory),
    ):
        if taken > whole * LARGEST_SHARE:
            raise ConfigurationError(
                f"services/richesreach/{manifest.name.replace('-', '_')}/service.yaml",
                key,
                f"telemetry.{key} takes {taken} of the task's {whole}, and the service gets the rest",
                f"raise it to {int(taken / LARGEST_SHARE)} or more, or lower telemetry.{key}",
            )
