"""network-state: where a region's network logs to, and the key of the logs of network and services."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.base import PlatformStack, Site, allow_logs, retention

#: The area in whose name its log groups stand.
AREA = "network"
FLOW_LOGS = "flow-logs"
GROUP_CLOSER = "close-security-group"


class NetworkStateStack(PlatformStack):
    """Outlives the network: what a network did is asked after it is gone."""

    def __init__(self, scope: Construct, site: Site) -> None:
        super().__init__(scope, site, "network-state", description="Log groups of the network, key of logs")
        self.key = kms.Key(
            self,
            "LogKey",
            alias=f"{site.names.prefix}-logs",
            description=f"Logs of the network and the services of {site.names.prefix} in {site.region}",
            enable_key_rotation=True,
            removal_policy=site.removal_policy,
        )
        allow_logs(self.key, site, f"/{site.names.prefix}/*")
        self.flow_logs = self._log_group("FlowLogs", FLOW_LOGS)
        self.closer_logs = self._log_group("GroupCloserLogs", GROUP_CLOSER)

    def _log_group(self, construct_id: str, name: str) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            construct_id,
            log_group_name=self.site.names.log_group(AREA, name),
            encryption_key=self.key,
            retention=retention(self.site.environment.network.flow_log_days),
            removal_policy=self.site.removal_policy,
        )
