"""Where a region's services keep their metrics: a Managed Prometheus workspace under a key of its own."""

from __future__ import annotations

from aws_cdk import aws_aps as aps
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.base import Site, allow_logs, retention
from stacks.ecs.settings import TelemetrySettings
from stacks.ecs.telemetry import Workspace
from stacks.monitoring.alert_manager import definition


class MetricsStore(Construct):
    """Holds data: deleting the workspace deletes every metric in it.

    Managed Prometheus uses the key by grants that it makes with the rights of whoever creates the workspace
    ("Encryption at rest", its user guide), so that the key's policy names no service but CloudWatch Logs.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, site: Site, settings: TelemetrySettings
    ) -> None:
        super().__init__(scope, construct_id)
        names = site.names
        key = kms.Key(
            self,
            "Key",
            alias=f"{names.prefix}-metrics",
            description=f"Metrics of the services of {names.prefix} in {site.region}",
            enable_key_rotation=True,
            removal_policy=site.removal_policy,
        )
        allow_logs(key, site, names.metrics_log_group)
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=names.metrics_log_group,
            encryption_key=key,
            retention=retention(site.environment.services.log_days),
            removal_policy=site.removal_policy,
        )
        self.resource = aps.CfnWorkspace(
            self,
            "Workspace",
            alias=names.prefix,
            kms_key_arn=key.key_arn,
            alert_manager_definition=definition(site),
            logging_configuration=aps.CfnWorkspace.LoggingConfigurationProperty(
                log_group_arn=log_group.log_group_arn
            ),
            workspace_configuration=aps.CfnWorkspace.WorkspaceConfigurationProperty(
                retention_period_in_days=settings.retention_days
            ),
        )
        self.resource.apply_removal_policy(site.removal_policy)

    @property
    def workspace(self) -> Workspace:
        return Workspace(arn=self.resource.attr_arn, endpoint=self.resource.attr_prometheus_endpoint)

    @property
    def workspace_id(self) -> str:
        return self.resource.attr_workspace_id
