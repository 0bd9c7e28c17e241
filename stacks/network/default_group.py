"""The default security group of a VPC, closed.

A VPC is born with one that lets its members reach each other and everything else. CloudFormation can
neither delete it nor take the rules of what it did not create, so a custom resource takes them.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.base import Site
from stacks.function import FunctionProps, PlatformFunction


class ClosedDefaultGroup(Construct):
    """Leaves the group without a rule. Runs when the VPC is made, and again when ``REVISION`` changes."""

    #: A change makes the function run again in every region.
    REVISION = "1"

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        vpc: ec2.Vpc,
        log_group: logs.ILogGroup,
    ) -> None:
        super().__init__(scope, construct_id)
        group = f"arn:aws:ec2:{site.region}:{site.account}:security-group/{vpc.vpc_default_security_group}"
        function = PlatformFunction(
            self,
            "Closer",
            site=site,
            props=FunctionProps(
                code="close_security_group",
                description="Takes every rule from a security group",
                timeout=cdk.Duration.minutes(1),
                log_group=log_group,
                statements=[
                    iam.PolicyStatement(
                        sid="TakeTheRules",
                        actions=["ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress"],
                        resources=[group],
                    ),
                    # The action knows no resource (service authorization reference of EC2).
                    iam.PolicyStatement(
                        sid="ReadTheRules", actions=["ec2:DescribeSecurityGroups"], resources=["*"]
                    ),
                ],
            ),
        )
        cdk.CustomResource(
            self,
            "Resource",
            resource_type="Custom::ClosedSecurityGroup",
            service_token=function.resource.function_arn,
            properties={"GroupId": vpc.vpc_default_security_group, "Revision": self.REVISION},
        )
