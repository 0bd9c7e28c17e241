"""ecs-state: what outlives the services of a region: the key under which shells in tasks are recorded."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.base import PlatformStack, Site, allow_logs


class EcsStateStack(PlatformStack):
    """Exists where ``services.execute_command`` is set: sessions of ECS Exec are encrypted with its key."""

    def __init__(self, scope: Construct, site: Site) -> None:
        super().__init__(scope, site, "ecs-state", description="Key of the recorded sessions of ECS Exec")
        self.exec_key = kms.Key(
            self,
            "ExecKey",
            description=f"Sessions of ECS Exec in {site.names.cluster} in {site.region}",
            enable_key_rotation=True,
            removal_policy=site.removal_policy,
        )
        allow_logs(self.exec_key, site, site.names.exec_log_group)
