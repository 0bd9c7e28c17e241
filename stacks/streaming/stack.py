"""streaming: what services need to find the region's stream. What it holds is in `streaming-state`."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.function import FunctionProps, PlatformFunction
from stacks.streaming.settings import StreamingSettings
from stacks.streaming.state import StreamingStateStack


class StreamingStack(PlatformStack):
    """Addresses of the brokers: MSK chooses them, and CloudFormation does not tell."""

    def __init__(
        self, scope: Construct, site: Site, *, settings: StreamingSettings, state: StreamingStateStack
    ) -> None:
        super().__init__(scope, site, "streaming", description="Addresses of the Kafka brokers")
        self.settings = settings
        self.cluster = state.cluster
        function = PlatformFunction(
            self,
            "LookUp",
            site=site,
            props=FunctionProps(
                code="stream_brokers",
                description="Addresses of the region's Kafka brokers",
                timeout=cdk.Duration.minutes(1),
                key=state.key,
                statements=[
                    iam.PolicyStatement(
                        sid="FindBrokers",
                        actions=["kafka:GetBootstrapBrokers"],
                        resources=[self.cluster.arn],
                    )
                ],
            ),
        )
        found = cdk.CustomResource(
            self,
            "Brokers",
            resource_type="Custom::StreamBrokers",
            service_token=function.resource.function_arn,
            properties={
                "ClusterArn": self.cluster.arn,
                "Security": settings.security,
                # Asked again when brokers come or go.
                "BrokersPerZone": settings.brokers_per_zone,
            },
        )
        #: ``host:port`` of some brokers, with commas; they name the others.
        self.brokers = found.get_att_string("Brokers")
        ssm.StringParameter(
            self,
            "Parameter",
            parameter_name=site.names.parameter("streaming", "brokers"),
            string_value=self.brokers,
        )
