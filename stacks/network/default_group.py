"""The default security group of a VPC, closed.

A VPC is born with one that lets its members reach each other and everything else. CloudFormation can
neither delete it nor take the rules of what it did not create, so a custom resource takes them.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.base import Site
from stacks.yaml_file import ROOT

SOURCE = ROOT / "lambda" / "close_security_group"


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
        function = self._function(group, log_group)
        cdk.CustomResource(
            self,
            "Resource",
            resource_type="Custom::ClosedSecurityGroup",
            service_token=function.function_arn,
            properties={"GroupId": vpc.vpc_default_security_group, "Revision": self.REVISION},
        )

    def _function(self, group_arn: str, log_group: logs.ILogGroup) -> lambda_.Function:
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        role.add_to_policy(
            iam.PolicyStatement(
                sid="TakeTheRules",
                actions=["ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress"],
                resources=[group_arn],
            )
        )
        role.add_to_policy(
            # The action knows no resource (service authorization reference of EC2).
            iam.PolicyStatement(sid="ReadTheRules", actions=["ec2:DescribeSecurityGroups"], resources=["*"])
        )
        function = lambda_.Function(
            self,
            "Function",
            description="Takes every rule from a security group",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handler",
            code=lambda_.Code.from_asset(str(SOURCE), exclude=["__pycache__", "*.pyc"]),
            timeout=cdk.Duration.minutes(1),
            memory_size=128,
            role=role,
            log_group=log_group,
        )
        # The CDK writes DependsOn beside the reference; cfn-lint finds that redundant.
        resource = function.node.find_child("Resource")
        if isinstance(resource, lambda_.CfnFunction):
            resource.add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3005"]}})
        return function
