"""A Lambda function of the platform: the folder ``lambda/<code>``, a role and a log group of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.base import Site, accept_redundant_dependencies, allow_logs, retention
from stacks.role import granted_role
from stacks.yaml_file import ROOT

#: Reasons that functions share, for the findings of the policy packs that are accepted at them.
DEPLOYING = "CloudFormation waits for its answer: what fails, fails the deployment, and a queue has no reader"
APIS_ONLY = "it calls APIs of AWS alone, none of them in the network; a way there would be one more way out"

#: What is no part of a function's code.
EXCLUDED = ["__pycache__", "*.pyc", ".*"]

#: What a function in a network needs; EC2 knows no resource for an interface that is not there yet.
INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


@dataclass(frozen=True)
class Placement:
    """Where in a network a function stands, and what it reaches there."""

    vpc: ec2.IVpc
    subnets: str
    group: ec2.ISecurityGroup


@dataclass(frozen=True, kw_only=True)
class FunctionProps:
    """``lambda/<code>/index.py`` and what it needs.

    ``statements`` are all that its role may do besides writing its log, which is ``/<prefix>/<log_name>``,
    encrypted with ``key`` where one is given, or the ``log_group`` of another stack. ``concurrency`` is how
    often it runs at once: who calls it more often waits, and takes nothing from the account's others.
    """

    code: str
    description: str
    timeout: cdk.Duration
    statements: Sequence[iam.PolicyStatement]
    memory: int = 128
    concurrency: int = 2
    name: str | None = None
    log_name: str | None = None
    log_group: logs.ILogGroup | None = None
    key: kms.IKey | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    placement: Placement | None = None
    dead_letters: sqs.IQueue | None = None


class PlatformFunction(Construct):
    """The function, and in ``policy`` everything that it may do."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site, props: FunctionProps) -> None:
        super().__init__(scope, construct_id)
        log_group = props.log_group or self._log_group(site, props)
        role, self.policy = granted_role(
            self,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=props.description,
            statements=[*props.statements, *_own_statements(log_group, props)],
        )
        placement = props.placement
        self.resource = lambda_.Function(
            self,
            "Function",
            function_name=props.name,
            description=props.description,
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler="index.handler",
            code=lambda_.Code.from_asset(
                str(ROOT / "lambda" / props.code),
                exclude=EXCLUDED,
                # What functions share is linked into their folders; the package holds the file.
                follow_symlinks=cdk.SymlinkFollowMode.EXTERNAL,
            ),
            timeout=props.timeout,
            memory_size=props.memory,
            reserved_concurrent_executions=(
                props.concurrency if site.environment.reserve_concurrency else None
            ),
            role=role,
            log_group=log_group,
            environment=dict(props.variables) or None,
            environment_encryption=props.key if props.variables else None,
            vpc=placement.vpc if placement else None,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name=placement.subnets) if placement else None,
            security_groups=[placement.group] if placement else None,
            dead_letter_queue=props.dead_letters,
        )
        self.resource.node.add_dependency(self.policy)
        accept_redundant_dependencies(self.resource)

    def _log_group(self, site: Site, props: FunctionProps) -> logs.LogGroup:
        own = props.log_name or f"lambda/{props.code.replace('_', '-')}"
        group_name = f"/{site.names.prefix}/{own}"
        if props.key is not None:
            allow_logs(props.key, site, group_name)
        return logs.LogGroup(
            self,
            "Logs",
            log_group_name=group_name,
            encryption_key=props.key,
            retention=retention(site.environment.services.log_days),
            removal_policy=site.removal_policy,
        )


def _own_statements(log_group: logs.ILogGroup, props: FunctionProps) -> list[iam.PolicyStatement]:
    grants: dict[str, tuple[Sequence[str], str]] = {
        "OwnLog": (["logs:CreateLogStream", "logs:PutLogEvents"], log_group.log_group_arn)
    }
    if props.placement:
        grants["JoinTheNetwork"] = (INTERFACES, "*")
    if props.dead_letters:
        grants["KeepWhatFailed"] = (["sqs:SendMessage"], props.dead_letters.queue_arn)
    return [
        iam.PolicyStatement(sid=sid, actions=[*actions], resources=[resource])
        for sid, (actions, resource) in grants.items()
    ]
