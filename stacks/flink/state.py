"""flink-state: the application, which holds its snapshots, and the key that they rest under."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.base import PlatformStack, Site, retention
from stacks.flink.application import FlinkApplication
from stacks.flink.key import application_key
from stacks.streaming.flink_settings import FlinkSettings
from stacks.streaming.stack import StreamingStack


class FlinkStateStack(PlatformStack):
    """Of a region whose bars Flink makes. An application that is removed takes its snapshots with it."""

    def __init__(
        self,
        scope: Construct,
        site: Site,
        *,
        settings: FlinkSettings,
        stream: StreamingStack,
        vpc: ec2.IVpc,
    ) -> None:
        super().__init__(scope, site, "flink-state", description="Flink application and its snapshots")
        self.settings = settings
        self.key = application_key(self, site)
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=site.names.flink_log_group,
            retention=retention(settings.log_days),
            encryption_key=self.key,
            removal_policy=site.removal_policy,
        )
        self.application = FlinkApplication(
            self,
            "Application",
            site=site,
            settings=settings,
            stream=stream,
            vpc=vpc,
            key=self.key,
            log_group=self.log_group,
        )
