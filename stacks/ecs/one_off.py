"""A manifest's one-off task, run to its end while the stack deploys and before its service changes."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.base import retention
from stacks.ecs.service import ManifestService
from stacks.manifest import TaskRun
from stacks.network.stack import PRIVATE
from stacks.yaml_file import ROOT

#: Lambda's longest life; the function reports a failure before it is cut off.
TIME_LIMIT = cdk.Duration.minutes(15)


class OneOffTaskRun(Construct):
    """Runs again whenever the task definition changes, that is on every new image."""

    def __init__(
        self, scope: Construct, construct_id: str, *, service: ManifestService, task: TaskRun
    ) -> None:
        super().__init__(scope, construct_id)
        definition = service.tasks.define(self, f"{service.manifest.name}-{task.name}", task.command)
        site = service.site
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/{site.names.prefix}/{service.manifest.name}/{task.name}-runner",
            retention=retention(site.environment.services.log_days),
            removal_policy=site.removal_policy,
        )
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        function = lambda_.Function(
            self,
            "Runner",
            description=f"Runs {definition.family} to its end",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handler",
            code=lambda_.Code.from_asset(str(ROOT / "lambda" / "run_task"), exclude=["__pycache__", "*.pyc"]),
            timeout=TIME_LIMIT,
            memory_size=128,
            role=role,
            log_group=log_group,
        )
        # The CDK writes DependsOn beside the reference; cfn-lint finds that redundant.
        resource = function.node.find_child("Resource")
        if isinstance(resource, lambda_.CfnFunction):
            resource.add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3005"]}})
        definition.grant_run(function)
        role.add_to_policy(
            iam.PolicyStatement(
                sid="WatchTheTask",
                actions=["ecs:DescribeTasks"],
                resources=[f"arn:aws:ecs:{site.region}:{site.account}:task/{site.names.cluster}/*"],
            )
        )
        run = cdk.CustomResource(
            self,
            "Run",
            resource_type="Custom::RunTask",
            service_token=function.function_arn,
            properties={
                "Cluster": service.cluster.resource.cluster_name,
                "TaskDefinition": definition.task_definition_arn,
                "Subnets": service.cluster.resource.vpc.select_subnets(subnet_group_name=PRIVATE).subnet_ids,
                "SecurityGroups": [service.security_group.security_group_id],
            },
        )
        # The task definition names the roles of the task, but not the policies without which it cannot start.
        run.node.add_dependency(role, definition.obtain_execution_role(), definition.task_role)
