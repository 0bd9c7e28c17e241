"""The curated zone's tables. They are Iceberg: their rows are updated."""

from __future__ import annotations

from aws_cdk import aws_glue as glue
from constructs import Construct

from stacks.base import Site
from stacks.datalake.schemas.curated import CURATED
from stacks.datalake.schemas.model import Schema

FORMAT_VERSION = "2"  # row-level deletes; the version that Athena writes


class CuratedTables(Construct):
    """The database of the curated zone and its tables. A table's entry in the catalogue points to its newest
    snapshot, so it is data and stands beside the bucket, not with the declarations of lake-catalogue."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=site.account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=site.names.lake_database("curated"),
                description="Curated zone: Iceberg tables that people and dashboards read",
            ),
        )
        self.database.apply_removal_policy(site.removal_policy)
        for schema in CURATED:
            self._table(schema)

    def _table(self, schema: Schema) -> None:
        ids = {field.name: number for number, field in enumerate(schema.fields, start=1)}
        location = f"s3://{self.site.names.lake_bucket(self.site.account, self.site.region)}/" + table_prefix(
            schema, self.site.region
        )
        table = glue.CfnTable(
            self,
            schema.name,
            catalog_id=self.site.account,
            database_name=self.site.names.lake_database("curated"),
            name=schema.name,
            open_table_format_input=glue.CfnTable.OpenTableFormatInputProperty(
                iceberg_input=glue.CfnTable.IcebergInputProperty(
                    metadata_operation="CREATE",
                    version=FORMAT_VERSION,
                    iceberg_table_input=glue.CfnTable.IcebergTableInputProperty(
                        location=location,
                        schema=glue.CfnTable.IcebergSchemaProperty(
                            type="struct",
                            schema_id=0,
                            identifier_field_ids=[ids[name] for name in schema.key],
                            fields=[
                                glue.CfnTable.IcebergStructFieldProperty(
                                    id=ids[field.name],
                                    name=field.name,
                                    type=field.iceberg_type,
                                    required=not field.nullable,
                                    doc=field.description,
                                )
                                for field in schema.fields
                            ],
                        ),
                        partition_spec=glue.CfnTable.IcebergPartitionSpecProperty(
                            spec_id=0,
                            fields=[
                                glue.CfnTable.IcebergPartitionFieldProperty(
                                    name="day_month", source_id=ids["day"], transform="month", field_id=1000
                                )
                            ],
                        ),
                        properties={"write.format.default": "parquet"},
                    ),
                )
            ),
        )
        table.add_resource_dependency(self.database)
        table.apply_removal_policy(self.site.removal_policy)


def table_prefix(schema: Schema, region: str) -> str:
    """Where the table of one region lives. Regions replicate into each other's buckets, so each has its own
    folder; the replica of a table is a backup: its manifests name the bucket it came from."""
    return f"curated/{schema.name}/iceberg/region={region}"
