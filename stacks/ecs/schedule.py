"""A manifest's scheduled task: EventBridge Scheduler starts it, and keeps what it could not start."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.ecs.service import ManifestService
from stacks.manifest import TaskRun
from stacks.network.stack import PRIVATE
from stacks.role import granted_role

#: A start is tried again this often and for so long; then it goes to the dead-letter queue.
RETRIES = 5
RETRY_SECONDS = 3600

QUEUE_DAYS = 14


class ScheduledTask(Construct):
    """One schedule, its task definition, its role and its dead-letter queue."""

    def __init__(
        self, scope: Construct, construct_id: str, *, service: ManifestService, task: TaskRun
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = service.site
        name = f"{service.manifest.name}-{task.name}"
        self.definition = service.tasks.define(self, name, task.command)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=self.site.names.not_started(name),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(QUEUE_DAYS),
        )
        role, policy = self._role()
        self.schedule = scheduler.CfnSchedule(
            self,
            "Schedule",
            name=f"{self.site.names.prefix}-{name}",
            description=f"Runs {task.name} of {service.manifest.name}",
            schedule_expression=task.schedule or "",
            schedule_expression_timezone="UTC",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=self._target(service, role),
        )
        self.schedule.node.add_dependency(policy)

    def _target(self, service: ManifestService, role: iam.IRole) -> scheduler.CfnSchedule.TargetProperty:
        network = scheduler.CfnSchedule.AwsVpcConfigurationProperty(
            subnets=service.cluster.resource.vpc.select_subnets(subnet_group_name=PRIVATE).subnet_ids,
            security_groups=[service.security_group.security_group_id],
            assign_public_ip="DISABLED",
        )
        return scheduler.CfnSchedule.TargetProperty(
            arn=service.cluster.resource.cluster_arn,
            role_arn=role.role_arn,
            ecs_parameters=scheduler.CfnSchedule.EcsParametersProperty(
                task_definition_arn=self.definition.task_definition_arn,
                launch_type="FARGATE",
                task_count=1,
                propagate_tags="TASK_DEFINITION",
                network_configuration=scheduler.CfnSchedule.NetworkConfigurationProperty(
                    awsvpc_configuration=network
                ),
            ),
            retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                maximum_event_age_in_seconds=RETRY_SECONDS, maximum_retry_attempts=RETRIES
            ),
            dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                arn=self.dead_letters.queue_arn
            ),
        )

    def _role(self) -> tuple[iam.IRole, iam.ManagedPolicy]:
        """Starts this task and no other; only schedules of this account may take it."""
        role, policy = granted_role(
            self,
            description=f"Starts {self.definition.family}",
            assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com").with_conditions(
                {"StringEquals": {"aws:SourceAccount": self.site.account}}
            ),
        )
        self.definition.grant_run(policy)
        self.dead_letters.grant_send_messages(policy)
        return role, policy
