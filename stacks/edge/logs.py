"""Access logs of the distribution: standard logging v2, a delivery of CloudWatch Logs to the edge's
bucket."""

from __future__ import annotations

from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.base import Site
from stacks.edge.settings import LogSettings

#: Below ``AWSLogs/<account>/CloudFront/``; the braces are CloudFront's own variables.
SUFFIX = "{DistributionId}/{yyyy}/{MM}/{dd}/{HH}"


class AccessLogs(Construct):
    """Source, destination and what joins them; all of it must stand in us-east-1."""

    def __init__(
        self, scope: Construct, construct_id: str, *, site: Site, settings: LogSettings, distribution_id: str
    ) -> None:
        super().__init__(scope, construct_id)
        name = f"{site.names.prefix}-access"
        source = logs.CfnDeliverySource(
            self,
            "Source",
            name=name,
            log_type="ACCESS_LOGS",
            resource_arn=f"arn:aws:cloudfront::{site.account}:distribution/{distribution_id}",
        )
        destination = logs.CfnDeliveryDestination(
            self,
            "Destination",
            name=name,
            destination_resource_arn=f"arn:aws:s3:::{site.names.edge_log_bucket(site.account)}",
            output_format=settings.format,
        )
        delivery = logs.CfnDelivery(
            self,
            "Delivery",
            delivery_source_name=source.name,
            delivery_destination_arn=destination.attr_arn,
            s3_suffix_path=SUFFIX,
        )
        delivery.add_resource_dependency(source)
