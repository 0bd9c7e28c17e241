"""What watches a region's cluster from inside: enhanced monitoring's role, and the log that it exports."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.base import Site, retention

LOG_EXPORTS = ("postgresql",)


class Observation(Construct):
    """The group stands before the cluster, or RDS would make one that keeps its log for ever."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        settings = site.environment.database
        self.log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=site.names.database_log_group(site.region),
            retention=retention(settings.log_days),
            encryption_key=key,
            removal_policy=site.removal_policy,
        )
        self.interval = settings.monitoring_seconds or None
        self.role_arn: str | None = None
        if self.interval is not None:
            role = iam.Role(
                self,
                "MonitoringRole",
                description="Enhanced monitoring writes operating system metrics",
                assumed_by=iam.ServicePrincipal("monitoring.rds.amazonaws.com").with_conditions(
                    {"StringEquals": {"aws:SourceAccount": site.account}}
                ),
                managed_policies=[
                    iam.ManagedPolicy.from_aws_managed_policy_name(
                        "service-role/AmazonRDSEnhancedMonitoringRole"
                    )
                ],
            )
            self.role_arn = role.role_arn
