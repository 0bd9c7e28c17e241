"""lake-catalogue: how a region's lake is read: tables, queries, roles and the published schemas."""

from __future__ import annotations

from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.datalake.stack import DataLakeStack
from stacks.lake_catalogue.publication import SchemaPublication
from stacks.lake_catalogue.roles import ZoneRoles
from stacks.lake_catalogue.tables import ZoneTables
from stacks.lake_catalogue.workgroup import workgroup


class LakeCatalogueStack(PlatformStack):
    """Declarations only: this stack can be deleted and made again without the loss of a row."""

    def __init__(self, scope: Construct, site: Site, *, lake: DataLakeStack) -> None:
        super().__init__(scope, site, "lake-catalogue", description="Tables, queries and roles of the lake")
        self.add_stack_dependency(lake, "tables and roles name the lake's bucket and databases")
        for zone in ("raw", "processed"):
            ZoneTables(self, zone.capitalize(), site=site, zone=zone)
        self.workgroup = workgroup(self, site=site, key_arn=lake.key.key_arn)
        ZoneRoles(self, "Roles", site=site, key_arn=lake.key.key_arn)
        SchemaPublication(self, "Schemas", site=site, lake=lake)
        ssm.StringParameter(
            self,
            "WorkGroupName",
            parameter_name=site.names.parameter("lake-catalogue", "workgroup"),
            string_value=site.names.workgroup,
        )
