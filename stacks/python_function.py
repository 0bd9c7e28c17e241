"""A Lambda function of the platform: the folder ``lambda/<code>``, a role and a log group of its own."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.base import Site, retention
from stacks.yaml_file import ROOT

EXCLUDED = ["__pycache__", "*.pyc"]


class PythonFunction(Construct):
    """``grant`` adds to what its role may do; at first that is to write its own log."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        code: str,
        description: str,
        timeout: cdk.Duration,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/{site.names.prefix}/lambda/{code.replace('_', '-')}",
            retention=retention(site.environment.services.log_days),
            removal_policy=site.removal_policy,
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(self.role)
        self.resource = lambda_.Function(
            self,
            "Function",
            description=description,
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handler",
            code=lambda_.Code.from_asset(str(ROOT / "lambda" / code), exclude=EXCLUDED),
            timeout=timeout,
            memory_size=128,
            role=self.role,
            log_group=log_group,
            environment=dict(variables) if variables else None,
        )
        # The CDK writes DependsOn beside the reference; cfn-lint finds that redundant.
        resource = self.resource.node.default_child
        if isinstance(resource, lambda_.CfnFunction):
            resource.add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3005"]}})

    def grant(self, *statements: iam.PolicyStatement) -> None:
        """Adds statements to the role's own policy."""
        for statement in statements:
            self.role.add_to_policy(statement)
