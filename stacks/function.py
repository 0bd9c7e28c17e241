"""A Lambda function of the platform: its own role, its own encrypted log group, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.base import Site, allow_logs, retention
from stacks.yaml_file import ROOT


class PlatformFunction(Construct):
    """Runs ``lambda/<code>/index.py``. ``name`` ends the function's log group; ``statements`` are all that
    its role may do besides writing there; ``key`` encrypts the log group."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        code: str,
        name: str,
        description: str,
        statements: Sequence[iam.PolicyStatement],
        key: kms.Key,
    ) -> None:
        super().__init__(scope, construct_id)
        group_name = f"/{site.names.prefix}/{name}"
        allow_logs(key, site, group_name, sid="LogsOf" + name.title().replace("/", "").replace("-", ""))
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=group_name,
            encryption_key=key,
            retention=retention(site.environment.services.log_days),
            removal_policy=site.removal_policy,
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            description=description,
            roles=[self.role],
            statements=[
                *statements,
                iam.PolicyStatement(
                    sid="OwnLog",
                    actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                    resources=[log_group.log_group_arn],
                ),
            ],
        )
        self.resource = lambda_.Function(
            self,
            "Function",
            description=description,
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handler",
            code=lambda_.Code.from_asset(str(ROOT / "lambda" / code), exclude=["__pycache__", "*.pyc"]),
            timeout=cdk.Duration.minutes(2),
            memory_size=256,
            role=self.role,
            log_group=log_group,
        )
        # The CDK writes DependsOn beside the reference; cfn-lint finds that redundant.
        resource = self.resource.node.default_child
        if isinstance(resource, lambda_.CfnFunction):
            resource.add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3005"]}})
