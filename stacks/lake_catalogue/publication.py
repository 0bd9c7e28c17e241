"""Puts the JSON schemas into the lake when they change."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.base import Site
from stacks.datalake.schemas import documents
from stacks.datalake.stack import DataLakeStack
from stacks.function import FunctionProps, PlatformFunction


class SchemaPublication(Construct):
    """The documents are properties of the custom resource: `cdk diff` shows which line of which changed."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site, lake: DataLakeStack) -> None:
        super().__init__(scope, construct_id)
        bucket = site.names.lake_bucket(site.account, site.region)
        self.function = PlatformFunction(
            self,
            "Publisher",
            site=site,
            props=FunctionProps(
                code="lake_schemas",
                log_name="lake/schema-publisher",
                timeout=cdk.Duration.minutes(2),
                description=f"Publishes the schemas of {bucket}",
                key=lake.key,
                statements=[
                    iam.PolicyStatement(
                        sid="Schemas",
                        actions=["s3:PutObject"],
                        resources=[f"arn:aws:s3:::{bucket}/{name}" for name in documents()],
                    ),
                    iam.PolicyStatement(
                        sid="KeyThroughS3",
                        actions=["kms:GenerateDataKey"],
                        resources=[lake.key.key_arn],
                        conditions={"StringEquals": {"kms:ViaService": f"s3.{site.region}.amazonaws.com"}},
                    ),
                ],
            ),
        )
        schemas = cdk.CustomResource(
            self,
            "Schemas",
            resource_type="Custom::LakeSchemas",
            service_token=self.function.resource.function_arn,
            properties={"Bucket": bucket, "Documents": documents()},
        )
        schemas.node.add_dependency(self.function.policy)
