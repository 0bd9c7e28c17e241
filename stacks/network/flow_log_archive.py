"""Flow logs as Parquet in the region's log bucket, and the table under which Athena finds them.

Stands in the datalake stack, beside the bucket and its policy: EC2 checks at birth that it may write.
"""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.base import Site

PREFIX = "network"
TABLE = "flow_logs"

#: Fields of a record with the type of their column ("Flow log records", Amazon VPC user guide). Field names
#: have hyphens; Parquet and Athena write them with underscores.
FIELDS = {
    "version": "int",
    "account-id": "string",
    "interface-id": "string",
    "srcaddr": "string",
    "dstaddr": "string",
    "srcport": "int",
    "dstport": "int",
    "protocol": "int",
    "packets": "bigint",
    "bytes": "bigint",
    "start": "bigint",
    "end": "bigint",
    "action": "string",
    "log-status": "string",
    "vpc-id": "string",
    "subnet-id": "string",
    "tcp-flags": "int",
    "pkt-srcaddr": "string",
    "pkt-dstaddr": "string",
    "az-id": "string",
    "pkt-dst-aws-service": "string",
    "flow-direction": "string",
}

_HIVE = "org.apache.hadoop.hive.ql.io.parquet"


class FlowLogArchive(Construct):
    """``vpc_id`` may come from another stack; ``bucket`` is the one whose policy is added to."""

    def __init__(
        self, scope: Construct, construct_id: str, *, site: Site, vpc_id: str, bucket: s3.Bucket
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.bucket = bucket
        self._admit_delivery()
        flow_log = ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=vpc_id,
            resource_type="VPC",
            traffic_type="ALL",
            log_destination_type="s3",
            log_destination=bucket.arn_for_objects(f"{PREFIX}/"),
            log_format=" ".join(f"${{{field}}}" for field in FIELDS),
            destination_options={
                "FileFormat": "parquet",
                "HiveCompatiblePartitions": False,
                "PerHourPartition": False,
            },
        )
        if bucket.policy is not None:
            flow_log.node.add_dependency(bucket.policy)
        self._table()

    def _admit_delivery(self) -> None:
        """Log delivery of this account and region, and nobody else's ("Amazon S3 bucket permissions for
        flow logs", Amazon VPC user guide)."""
        delivery = iam.ServicePrincipal("delivery.logs.amazonaws.com")
        site = self.site
        own = {
            "StringEquals": {"aws:SourceAccount": site.account},
            "ArnLike": {"aws:SourceArn": f"arn:aws:logs:{site.region}:{site.account}:*"},
        }
        with_acl = {"aws:SourceAccount": site.account, "s3:x-amz-acl": "bucket-owner-full-control"}
        self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="FlowLogs",
                principals=[delivery],
                actions=["s3:PutObject"],
                resources=[self.bucket.arn_for_objects(f"{PREFIX}/AWSLogs/{site.account}/*")],
                conditions=own | {"StringEquals": with_acl},
            )
        )
        self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="FlowLogsCheck",
                principals=[delivery],
                actions=["s3:GetBucketAcl", "s3:ListBucket"],
                resources=[self.bucket.bucket_arn],
                conditions=own,
            )
        )

    def _table(self) -> None:
        """A partition a day, computed from the query (partition projection): no crawler, no repair."""
        site = self.site
        name = f"{site.names.prefix}_{PREFIX}".replace("-", "_")
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=site.account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=name, description=f"Network of {site.names.prefix} in {site.region}"
            ),
        )
        location = f"s3://{site.names.log_bucket(site.account, site.region)}/{PREFIX}"
        location += f"/AWSLogs/{site.account}/vpcflowlogs/{site.region}"
        table = glue.CfnTable(
            self,
            "Table",
            catalog_id=site.account,
            database_name=name,
            table_input=glue.CfnTable.TableInputProperty(
                name=TABLE,
                table_type="EXTERNAL_TABLE",
                parameters={
                    "EXTERNAL": "TRUE",
                    "classification": "parquet",
                    "projection.enabled": "true",
                    "projection.day.type": "date",
                    "projection.day.format": "yyyy/MM/dd",
                    "projection.day.range": f"NOW-{site.environment.lake.log_days}DAYS,NOW",
                    "storage.location.template": f"{location}/${{day}}",
                },
                partition_keys=[glue.CfnTable.ColumnProperty(name="day", type="string")],
                storage_descriptor=_parquet(location),
            ),
        )
        table.add_resource_dependency(database)


def _parquet(location: str) -> glue.CfnTable.StorageDescriptorProperty:
    return glue.CfnTable.StorageDescriptorProperty(
        location=location,
        columns=[
            glue.CfnTable.ColumnProperty(name=field.replace("-", "_"), type=kind)
            for field, kind in FIELDS.items()
        ],
        input_format=f"{_HIVE}.MapredParquetInputFormat",
        output_format=f"{_HIVE}.MapredParquetOutputFormat",
        serde_info=glue.CfnTable.SerdeInfoProperty(serialization_library=f"{_HIVE}.serde.ParquetHiveSerDe"),
    )
