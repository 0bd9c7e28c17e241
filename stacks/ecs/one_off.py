"""A manifest's one-off task, run to its end while the stack deploys and before its service changes."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.ecs.service import ManifestService
from stacks.function import FunctionProps, PlatformFunction
from stacks.manifest import TaskRun
from stacks.network.stack import PRIVATE

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
        function = PlatformFunction(
            self,
            "Runner",
            site=site,
            props=FunctionProps(
                code="run_task",
                description=f"Runs {definition.family} to its end",
                timeout=TIME_LIMIT,
                key=service.tasks.log_key,
                log_name=f"{service.manifest.name}/{task.name}-runner",
                statements=[
                    iam.PolicyStatement(
                        sid="WatchTheTask",
                        actions=["ecs:DescribeTasks"],
                        resources=[f"arn:aws:ecs:{site.region}:{site.account}:task/{site.names.cluster}/*"],
                    )
                ],
            ),
        )
        definition.grant_run(function.policy)
        run = cdk.CustomResource(
            self,
            "Run",
            resource_type="Custom::RunTask",
            service_token=function.resource.function_arn,
            properties={
                "Cluster": service.cluster.resource.cluster_name,
                "TaskDefinition": definition.task_definition_arn,
                "Subnets": service.cluster.resource.vpc.select_subnets(subnet_group_name=PRIVATE).subnet_ids,
                "SecurityGroups": [service.security_group.security_group_id],
            },
        )
        run.node.add_dependency(function.policy)
