"""lake-replication: sends what a region's lake receives to the lakes of the other regions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.datalake.lifecycle import ZONES
from stacks.datalake.stack import DataLakeStack
from stacks.function import FunctionProps, PlatformFunction
from stacks.lake_replication.role import replication_role


class LakeReplicationStack(PlatformStack):
    """Stands apart from ``datalake``: a bucket's template can name no destination that does not exist yet,
    and lakes are each other's destinations. ``lakes`` holds every region's datalake stack."""

    def __init__(
        self, scope: Construct, site: Site, *, lakes: Mapping[str, DataLakeStack], targets: list[str]
    ) -> None:
        super().__init__(scope, site, "lake-replication", description="Replication between the lakes")
        for region in (site.region, *targets):
            self.add_stack_dependency(
                lakes[region], "S3 checks at once that every destination exists and is versioned"
            )
        source = lakes[site.region]
        keys = {region: lakes[region].key.key_arn for region in targets}
        role, policy = replication_role(self, site=site, source_key=source.key.key_arn, keys=keys)
        function = self._function(source, role)
        replication = cdk.CustomResource(
            self,
            "Replication",
            resource_type="Custom::LakeReplication",
            service_token=function.resource.function_arn,
            properties={
                "Bucket": self._bucket(site.region),
                "Role": role.role_arn,
                "Rules": self._rules(keys),
            },
        )
        replication.node.add_dependency(function.policy, policy)

    def _bucket(self, region: str) -> str:
        return self.site.names.lake_bucket(self.site.account, region)

    def _rules(self, keys: Mapping[str, str]) -> list[dict[str, Any]]:
        """The whole lake is its zones: beside them lies the state of one region, which is of no use in
        another. A filter of S3 can name what is replicated, and nothing that is not."""
        prefix = self.site.environment.lake.replication.prefix
        folders = [prefix] if prefix else [f"{zone}/" for zone in ZONES]
        pairs = [(region, folder) for region in keys for folder in folders]
        return [self._rule(number, *pair, keys) for number, pair in enumerate(pairs, start=1)]

    def _rule(self, priority: int, region: str, prefix: str, keys: Mapping[str, str]) -> dict[str, Any]:
        settings = self.site.environment.lake.replication
        return {
            "Id": f"to-{region}-{prefix.rstrip('/').replace('/', '-')}",
            "Priority": priority,
            "Prefix": prefix,
            "Destination": f"arn:aws:s3:::{self._bucket(region)}",
            "KeyArn": keys[region],
            "StorageClass": settings.storage_class,
            "DeleteMarkers": settings.delete_markers,
            "TimeControl": settings.time_control,
        }

    def _function(self, source: DataLakeStack, role: iam.Role) -> PlatformFunction:
        return PlatformFunction(
            self,
            "Configurator",
            site=self.site,
            props=FunctionProps(
                code="lake_replication",
                log_name="lake/replication",
                timeout=cdk.Duration.minutes(2),
                description=f"Configures the replication of {self._bucket(self.site.region)}",
                key=source.key,
                statements=[
                    iam.PolicyStatement(
                        sid="ReplicationOfTheLake",
                        actions=["s3:GetReplicationConfiguration", "s3:PutReplicationConfiguration"],
                        resources=[f"arn:aws:s3:::{self._bucket(self.site.region)}"],
                    ),
                    iam.PolicyStatement(
                        sid="HandTheRoleToS3",
                        actions=["iam:PassRole"],
                        resources=[role.role_arn],
                    ),
                ],
            ),
        )
