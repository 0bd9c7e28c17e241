"""The application of Managed Service for Apache Flink. CloudFormation makes it and never starts it."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisanalyticsv2 as analytics
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.base import Site
from stacks.flink.contents import ARCHIVE, JAR, MAIN
from stacks.flink.package import package
from stacks.flink.role import GROUP, job_statements
from stacks.network.stack import PRIVATE
from stacks.role import granted_role
from stacks.streaming.flink_settings import FlinkSettings
from stacks.streaming.stack import StreamingStack

#: The newest that the service offers ("Amazon Managed Service for Apache Flink 2.3", developer guide).
RUNTIME = "FLINK-2_3"

#: Groups of properties: where in the package the service finds things, and what the job reads.
RUN_OPTIONS, OWN = "kinesis.analytics.flink.run.options", "stream"

_Application = analytics.CfnApplication


class FlinkApplication(Construct):
    """Application, its role, its group of the network and its log stream."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        settings: FlinkSettings,
        stream: StreamingStack,
        vpc: ec2.IVpc,
        key: kms.IKey,
        log_group: logs.LogGroup,
    ) -> None:
        super().__init__(scope, construct_id)
        self.site, self.settings, self.stream, self.vpc, self.key = site, settings, stream, vpc, key
        self.package = package(cdk.Stack.of(self))
        self.security_group = self._security_group()
        role, policy = granted_role(
            self,
            assumed_by=iam.ServicePrincipal("kinesisanalytics.amazonaws.com"),
            description="Bars and indicators from ticks, in Flink",
            statements=job_statements(site, stream.cluster, self.package, log_group),
        )
        self.resource = self._application(role)
        self.resource.apply_removal_policy(site.removal_policy)
        self.resource.node.add_dependency(policy)
        self._log(log_group)

    @property
    def revision(self) -> str:
        """Changes when what runs does."""
        settings = self.settings.model_dump(exclude={"watermark_seconds", "log_days"})
        return f"{self.package.key} {RUNTIME} {sorted(settings.items())}"

    def _application(self, role: iam.IRole) -> analytics.CfnApplication:
        return _Application(
            self,
            "Resource",
            application_name=self.site.names.flink_application,
            application_description="Bars and indicators from ticks",
            application_mode="STREAMING",
            runtime_environment=RUNTIME,
            service_execution_role=role.role_arn,
            application_configuration=_Application.ApplicationConfigurationProperty(
                application_code_configuration=self._code(),
                application_encryption_configuration=_Application.ApplicationEncryptionConfigurationProperty(
                    key_type="CUSTOMER_MANAGED_KEY", key_id=self.key.key_arn
                ),
                application_snapshot_configuration=_Application.ApplicationSnapshotConfigurationProperty(
                    snapshots_enabled=True
                ),
                # An update that does not run is taken back by the service itself.
                application_system_rollback_configuration=_Application.ApplicationSystemRollbackConfigurationProperty(
                    rollback_enabled=True
                ),
                environment_properties=_Application.EnvironmentPropertiesProperty(
                    property_groups=[
                        _Application.PropertyGroupProperty(property_group_id=group, property_map=properties)
                        for group, properties in self._properties().items()
                    ]
                ),
                flink_application_configuration=self._flink(),
                vpc_configurations=[
                    _Application.VpcConfigurationProperty(
                        security_group_ids=[self.security_group.security_group_id],
                        subnet_ids=self.vpc.select_subnets(subnet_group_name=PRIVATE).subnet_ids,
                    )
                ],
            ),
            # Read when a running application is updated: it goes on from the snapshot taken just before.
            run_configuration=_Application.RunConfigurationProperty(
                application_restore_configuration=_Application.ApplicationRestoreConfigurationProperty(
                    application_restore_type="RESTORE_FROM_LATEST_SNAPSHOT"
                ),
                flink_run_configuration=_Application.FlinkRunConfigurationProperty(
                    allow_non_restored_state=self.settings.allow_non_restored_state
                ),
            ),
        )

    def _code(self) -> analytics.CfnApplication.ApplicationCodeConfigurationProperty:
        bucket = f"arn:aws:s3:::{self.package.bucket}"
        return _Application.ApplicationCodeConfigurationProperty(
            code_content_type="ZIPFILE",
            code_content=_Application.CodeContentProperty(
                s3_content_location=_Application.S3ContentLocationProperty(
                    bucket_arn=bucket, file_key=self.package.key
                )
            ),
        )

    def _properties(self) -> dict[str, dict[str, Any]]:
        return {
            RUN_OPTIONS: {"python": MAIN, "jarfile": JAR, "pyFiles": ARCHIVE},
            OWN: {
                "brokers": self.stream.brokers,
                "security": self.stream.settings.security,
                "group": GROUP,
            },
        }

    def _flink(self) -> analytics.CfnApplication.FlinkApplicationConfigurationProperty:
        settings = self.settings
        return _Application.FlinkApplicationConfigurationProperty(
            checkpoint_configuration=_Application.CheckpointConfigurationProperty(
                configuration_type="CUSTOM",
                checkpointing_enabled=True,
                checkpoint_interval=settings.checkpoint_seconds * 1000,
                min_pause_between_checkpoints=5000,
            ),
            monitoring_configuration=_Application.MonitoringConfigurationProperty(
                # Back pressure is told of tasks, and of no more than them.
                configuration_type="CUSTOM",
                log_level="INFO",
                metrics_level="TASK",
            ),
            parallelism_configuration=_Application.ParallelismConfigurationProperty(
                configuration_type="CUSTOM",
                auto_scaling_enabled=settings.auto_scaling,
                parallelism=settings.parallelism,
                parallelism_per_kpu=settings.parallelism_per_kpu,
            ),
        )

    def _security_group(self) -> ec2.SecurityGroup:
        """Leads to the brokers and nowhere else; what the service itself needs goes its own way."""
        group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=self.vpc, description="Flink to Kafka", allow_all_outbound=False
        )
        here, port = self.site.environment.regions[self.site.region].cidr, self.stream.settings.port
        group.add_egress_rule(ec2.Peer.ipv4(here), ec2.Port.tcp(port), f"Kafka in {self.site.region}")
        ec2.CfnSecurityGroupIngress(
            self,
            "ToTheStream",
            group_id=self.stream.cluster.security_group.security_group_id,
            source_security_group_id=group.security_group_id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description="Kafka from Flink",
        )
        return group

    def _log(self, log_group: logs.LogGroup) -> None:
        stream = logs.LogStream(
            self, "LogStream", log_group=log_group, removal_policy=self.site.removal_policy
        )
        arn = cdk.Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"{log_group.log_group_name}:log-stream:{stream.log_stream_name}",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        self.logging = analytics.CfnApplicationCloudWatchLoggingOption(
            self,
            "Logging",
            application_name=self.resource.ref,
            cloud_watch_logging_option=analytics.CfnApplicationCloudWatchLoggingOption.CloudWatchLoggingOptionProperty(
                log_stream_arn=arn
            ),
        )
