"""flink: starts and stops the application, which CloudFormation only makes."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.flink.key import application_arn, operating
from stacks.flink.state import FlinkStateStack
from stacks.function import FunctionProps, PlatformFunction
from stacks.streaming.stack import StreamingStack

#: Lambda waits no longer; a start takes two to five minutes.
TIME_LIMIT = cdk.Duration.minutes(15)


class FlinkStack(PlatformStack):
    """Where ``running`` is true the application runs when the deployment is done, else it is stopped."""

    def __init__(self, scope: Construct, site: Site, *, state: FlinkStateStack) -> None:
        super().__init__(scope, site, "flink", description="Starts and stops the Flink application")
        function = PlatformFunction(
            self,
            "Starter",
            site=site,
            props=FunctionProps(
                code="flink_run",
                description="Starts and stops the region's Flink application",
                timeout=TIME_LIMIT,
                key=state.key,
                statements=[
                    iam.PolicyStatement(
                        sid="RunTheApplication",
                        actions=[
                            "kinesisanalytics:DescribeApplication",
                            "kinesisanalytics:ListApplicationSnapshots",
                            "kinesisanalytics:StartApplication",
                            "kinesisanalytics:StopApplication",
                        ],
                        resources=[application_arn(site)],
                    ),
                    *operating(state.key, site),
                ],
            ),
        )
        settings = state.settings
        cdk.CustomResource(
            self,
            "Run",
            resource_type="Custom::FlinkRun",
            service_token=function.resource.function_arn,
            properties={
                "Application": site.names.flink_application,
                "Running": str(settings.running).lower(),
                "AllowNonRestoredState": str(settings.allow_non_restored_state).lower(),
                # Looked at again whenever what runs changes.
                "Revision": state.application.revision,
            },
        )
        self.add_stack_dependency(state, "it starts what is there")


def flink(scope: Construct, site: Site, stream: StreamingStack, vpc: ec2.IVpc) -> None:
    """The job of a region, where the environment has Flink make bars and indicators."""
    if stream.settings.flink is not None:
        state = FlinkStateStack(scope, site, settings=stream.settings.flink, stream=stream, vpc=vpc)
        FlinkStack(scope, site, state=state)
