"""Tables of the raw and processed zones: declarations over JSON Lines and Parquet, partitions by projection.

A table over Parquet reads manifests: text objects that name the files which count, so that a file is seen as
a whole or not at all, and a few large files take the place of many small ones in one step.
Source of such a table with projected partitions: "Querying Amazon S3 Inventory with Amazon Athena", Amazon S3
user guide.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_glue as glue
from constructs import Construct

from stacks.base import Site
from stacks.datalake.schemas import Dataset, tables_of

_SERDES = {
    "json": ("org.openx.data.jsonserde.JsonSerDe", {"ignore.malformed.json": "false"}),
    "parquet": ("org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe", {"serialization.format": "1"}),
}
_INPUTS = {
    "json": "org.apache.hadoop.mapred.TextInputFormat",
    "parquet": "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat",
}
_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

#: First day that a query looks at when it names none; before it there is no data.
FIRST_DAY = "2024-01-01"


class ZoneTables(Construct):
    """A database and its tables. Athena computes the partitions from their rule, so that no crawler runs
    and a new day needs no statement; replicas of other regions are partitions too."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site, zone: str) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.name = site.names.lake_database(zone)
        self.database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=site.account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.name, description=f"{zone.capitalize()} zone: partitions by projection"
            ),
        )
        for name, datasets in tables_of(zone).items():
            self._table(name, datasets)

    def _table(self, name: str, datasets: Sequence[Dataset]) -> None:
        schema, form = datasets[0].schema, datasets[0].format
        serde, serde_parameters = _SERDES[form]
        bucket = f"s3://{self.site.names.lake_bucket(self.site.account, self.site.region)}/"
        keys, parameters, location = self._partitions(bucket, datasets)
        partitions = {key.name for key in keys}
        table = glue.CfnTable(
            self,
            name,
            catalog_id=self.site.account,
            database_name=self.name,
            table_input=glue.CfnTable.TableInputProperty(
                name=name,
                description=schema.title,
                table_type="EXTERNAL_TABLE",
                parameters={"classification": form, **parameters},
                partition_keys=keys,
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    location=location,
                    input_format=_INPUTS[form],
                    output_format=_OUTPUT,
                    serde_info=glue.CfnTable.SerdeInfoProperty(
                        serialization_library=serde, parameters=serde_parameters
                    ),
                    columns=[
                        glue.CfnTable.ColumnProperty(
                            name=field.name,
                            type=field.parquet_type if form == "parquet" else field.glue_type,
                            comment=field.description,
                        )
                        for field in schema.fields
                        if field.name not in partitions
                    ],
                ),
            ),
        )
        table.add_resource_dependency(self.database)

    def _partitions(
        self, bucket: str, datasets: Sequence[Dataset]
    ) -> tuple[list[glue.CfnTable.ColumnProperty], dict[str, str], str]:
        """Partition keys, the projection's parameters and the table's location."""
        keys = ["region", "dt"]
        hourly = datasets[0].format == "parquet"
        prefix = datasets[0].manifests if hourly else datasets[0].prefix
        template = prefix
        rules = {
            "projection.enabled": "true",
            "projection.region.type": "enum",
            "projection.region.values": ",".join(self.site.environment.permitted_regions),
            "projection.dt.type": "date",
            "projection.dt.format": "yyyy-MM-dd",
            "projection.dt.range": f"{FIRST_DAY},NOW",
        }
        if len(datasets) > 1:
            keys.insert(0, "source")
            prefix = prefix.rstrip("/").rsplit("/", 1)[0] + "/"
            template = f"{prefix}${{source}}/"
            sources = [dataset.prefix.rstrip("/").rsplit("/", 1)[1] for dataset in datasets]
            rules |= {"projection.source.type": "enum", "projection.source.values": ",".join(sources)}
        folders = "region=${region}/dt=${dt}/"
        if hourly:
            keys.append("hour")
            folders += "hour=${hour}/"
            rules |= {
                "projection.hour.type": "integer",
                "projection.hour.range": "0,23",
                "projection.hour.digits": "2",
            }
        rules["storage.location.template"] = f"{bucket}{template}{folders}"
        columns = [glue.CfnTable.ColumnProperty(name=key, type="string") for key in keys]
        return columns, rules, f"{bucket}{prefix}"
