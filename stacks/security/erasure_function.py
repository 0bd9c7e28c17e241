"""A function of the erasure: its own role, its own encrypted log group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.base import Site, allow_logs, retention
from stacks.network.egress import allow_needs
from stacks.network.stack import PRIVATE
from stacks.yaml_file import ROOT

#: A step runs again until it is done, so no run needs Lambda's fifteen minutes.
WORKER_MINUTES, CONTROL_MINUTES = 5, 6

#: What a function in a network needs; EC2 knows no resource for an interface that is not there yet.
INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


class ErasureFunction(Construct):
    """Runs ``lambda/<name without the prefix>/index.py``; in the private subnets where ``vpc`` is given."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        name: str,
        variables: Mapping[str, str],
        statements: Sequence[iam.PolicyStatement],
        key: kms.Key,
        vpc: ec2.IVpc | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        own_name = name.removeprefix(f"{site.names.prefix}-")
        code = own_name.replace("-", "_")
        log_group = self._log_group(f"/{site.names.prefix}/{own_name}", key)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        own_log = iam.PolicyStatement(
            sid="OwnLog",
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[log_group.log_group_arn],
        )
        interfaces = iam.PolicyStatement(sid="JoinTheNetwork", actions=[*INTERFACES], resources=["*"])
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            description=f"What {name} may do",
            roles=[self.role],
            statements=[*statements, own_log, *([interfaces] if vpc else [])],
        )
        self.resource = lambda_.Function(
            self,
            "Function",
            function_name=name,
            description=f"Erasure of personal data: lambda/{code}",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handler",
            code=lambda_.Code.from_asset(str(ROOT / "lambda" / code), exclude=["__pycache__", "*.pyc"]),
            timeout=cdk.Duration.minutes(WORKER_MINUTES if vpc else CONTROL_MINUTES),
            memory_size=256,
            role=self.role,
            log_group=log_group,
            environment=dict(variables),
            environment_encryption=key,
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name=PRIVATE) if vpc else None,
            security_groups=[self._group(vpc)] if vpc else None,
        )
        # In a network, a function is made only once its role may join it.
        self.resource.node.add_dependency(self.policy)
        resource = self.resource.node.default_child
        if isinstance(resource, lambda_.CfnFunction):
            # The CDK writes DependsOn beside the reference; cfn-lint finds that redundant.
            resource.add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3005"]}})

    def _log_group(self, group_name: str, key: kms.Key) -> logs.LogGroup:
        allow_logs(key, self.site, group_name)
        return logs.LogGroup(
            self,
            "Logs",
            log_group_name=group_name,
            encryption_key=key,
            retention=retention(self.site.environment.services.log_days),
            removal_policy=self.site.removal_policy,
        )

    def _group(self, vpc: ec2.IVpc) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self, "Group", vpc=vpc, description="Erasure: to databases and caches", allow_all_outbound=False
        )
        allow_needs(group, self.site, ["database", "cache", "global-cache"])
        return group
