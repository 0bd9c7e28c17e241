"""Slow commands and the engine's own log of the caches, delivered to CloudWatch Logs."""

from __future__ import annotations

from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.base import Site, retention

KINDS = ("slow-log", "engine-log")


class CacheLogs(Construct):
    """One group a kind for all groups of a region: each line names the cluster that wrote it."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        self.groups = {
            kind: logs.LogGroup(
                self,
                kind,
                log_group_name=site.names.cache_log_group(kind),
                retention=retention(site.environment.cache.log_days),
                encryption_key=key,
                removal_policy=site.removal_policy,
            )
            for kind in KINDS
        }

    def deliveries(
        self,
    ) -> list[elasticache.CfnReplicationGroup.LogDeliveryConfigurationRequestProperty]:
        group = elasticache.CfnReplicationGroup
        return [
            group.LogDeliveryConfigurationRequestProperty(
                destination_type="cloudwatch-logs",
                destination_details=group.DestinationDetailsProperty(
                    cloud_watch_logs_details=group.CloudWatchLogsDestinationDetailsProperty(
                        log_group=log.log_group_name
                    )
                ),
                log_format="json",
                log_type=kind,
            )
            for kind, log in self.groups.items()
        ]
