"""Erasure of personal data: a function in each region, and the state machine that drives them all.

docs/security.md says what is erased where, and what must wait for its retention to end.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from stacks.base import Site, allow_logs, retention
from stacks.environment import Environment
from stacks.function import PlatformFunction
from stacks.secret import opens
from stacks.security.erasure_function import erasure_function
from stacks.yaml_file import ROOT

DEFINITION = ROOT / "stacks" / "security" / "erasure.asl.json"


#: Stores of every region. Which regions serve, the edge says when an erasure begins.
EVERYWHERE = ("cache", "lake")


def steps(environment: Environment) -> list[dict[str, str]]:
    """A step for each store that is erased once: the user pool, and the writer's database and datastore
    member, which the other members of the global database and of the datastore follow."""
    writer = environment.writer_region
    found = [{"region": writer, "store": store} for store in ("user-pool", "database")]
    if environment.datastore_regions:
        found.append({"region": environment.nearest_datastore_region(writer), "store": "global-cache"})
    return found


class Store(NamedTuple):
    """Variable and secret of the login to a server; the parameter of the global-db area with its endpoint."""

    login: str
    secret: str
    endpoint: str


#: Stores that are servers, by the names of ``lambda/erasure``.
STORES = {
    "database": Store("DATABASE_LOGIN", "database", "database-endpoint"),
    "cache": Store("CACHE_LOGIN", "cache/app", "cache-primary"),
    "global-cache": Store("GLOBAL_CACHE_LOGIN", "global-cache/app", "datastore-endpoint"),
}


def erasure_worker(
    scope: Construct,
    construct_id: str,
    *,
    site: Site,
    vpc: ec2.IVpc,
    key: kms.Key,
    secrets_key: kms.IKey,
    user_pool: cognito.IUserPool,
) -> PlatformFunction:
    """Erases in the stores of its own region; the writer's, in the one user pool besides."""
    pool = user_pool if site.is_writer else None
    return erasure_function(
        scope,
        construct_id,
        site=site,
        name=site.names.erasure,
        key=key,
        vpc=vpc,
        variables=_variables(site, pool),
        statements=[*_rights(site, pool), opens(secrets_key)],
    )


def _stores(site: Site) -> list[Store]:
    """The servers in which a worker erases."""
    return [
        store
        for name, store in STORES.items()
        if name != "global-cache" or site.environment.datastore_regions
    ]


def _variables(site: Site, pool: cognito.IUserPool | None) -> dict[str, str]:
    environment, names = site.environment, site.names
    settings = environment.security.erasure
    return {
        "LAKE_BUCKET": names.lake_bucket(site.account, site.region),
        "LAKE_PREFIXES": json.dumps(settings.lake_prefixes),
        **{store.login: names.secret(store.secret) for store in _stores(site)},
        "CACHE_PATTERNS": json.dumps(settings.cache_patterns),
        "CACHE_PORT": str(environment.cache.port),
        "CACHE_TLS": str(environment.cache.tls).lower(),
        "DATABASE_PORT": str(environment.database.port),
        "DATABASE_TLS": str(environment.database.tls).lower(),
        "PARAMETERS": names.parameter("global-db", "")[:-1],
        **({"USER_POOL_ID": pool.user_pool_id} if pool is not None else {}),
    }


def _rights(site: Site, pool: cognito.IUserPool | None) -> list[iam.PolicyStatement]:
    names, prefixes = site.names, site.environment.security.erasure.lake_prefixes
    bucket = f"arn:aws:s3:::{names.lake_bucket(site.account, site.region)}"
    account = f"{site.region}:{site.account}"
    return [
        *(_erase_users(pool) if pool is not None else ()),
        iam.PolicyStatement(
            sid="FindObjects",
            actions=["s3:ListBucketVersions"],
            resources=[bucket],
            conditions={"StringLike": {"s3:prefix": [f"{p}subject=*" for p in prefixes]}},
        ),
        iam.PolicyStatement(
            sid="DeleteObjects",
            actions=["s3:DeleteObject", "s3:DeleteObjectVersion"],
            resources=[f"{bucket}/{p}subject=*" for p in prefixes],
        ),
        iam.PolicyStatement(
            sid="FindStores",
            actions=["ssm:GetParameter"],
            resources=[
                f"arn:aws:ssm:{account}:parameter{names.parameter('global-db', store.endpoint)}"
                for store in _stores(site)
            ],
        ),
        iam.PolicyStatement(
            sid="LogIn",
            actions=["secretsmanager:GetSecretValue"],
            # Secrets Manager ends an ARN with six characters of its own.
            resources=[
                f"arn:aws:secretsmanager:{account}:secret:{names.secret(store.secret)}-??????"
                for store in _stores(site)
            ],
        ),
    ]


def _erase_users(pool: cognito.IUserPool) -> list[iam.PolicyStatement]:
    actions = ["cognito-idp:AdminDeleteUser", "cognito-idp:AdminGetUser"]
    return [iam.PolicyStatement(sid="EraseUsers", actions=actions, resources=[pool.user_pool_arn])]


class ErasureMachine(Construct):
    """The state machine, in the writer's region, and the function that it asks."""

    def __init__(
        self, scope: Construct, construct_id: str, *, site: Site, key: kms.Key, lake_key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.key = key
        names = site.names
        bucket = names.lake_bucket(site.account, site.region)
        environment, serving = site.environment, names.parameter("edge", "regions")
        self.control = erasure_function(
            self,
            "Control",
            site=site,
            name=names.erasure_control,
            key=key,
            variables={
                "LAKE_BUCKET": bucket,
                "STEPS": json.dumps(steps(environment)),
                "EVERYWHERE": ",".join(EVERYWHERE),
                "REGIONS_HOME": environment.dns_region,
                "REGIONS_PARAMETER": serving,
                "WORKER": names.erasure,
            },
            statements=[
                iam.PolicyStatement(
                    sid="EraseInEachRegion",
                    actions=["lambda:InvokeFunction"],
                    resources=[
                        f"arn:aws:lambda:{region}:{site.account}:function:{names.erasure}"
                        for region in environment.reach
                    ],
                ),
                iam.PolicyStatement(
                    sid="FindTheRegions",
                    actions=["ssm:GetParameter"],
                    resources=[f"arn:aws:ssm:{environment.dns_region}:{site.account}:parameter{serving}"],
                ),
                iam.PolicyStatement(
                    sid="WriteReceipts",
                    actions=["s3:PutObject"],
                    resources=[f"arn:aws:s3:::{bucket}/metadata/erasure/*"],
                ),
                iam.PolicyStatement(
                    sid="EncryptReceipts", actions=["kms:GenerateDataKey"], resources=[lake_key.key_arn]
                ),
            ],
        )
        self.machine = self._machine()
        self._alarm()

    def _machine(self) -> stepfunctions.CfnStateMachine:
        """Its log tells each state's name and outcome, never its data: those hold the subject's id."""
        site = self.site
        group_name = f"/aws/vendedlogs/states/{site.names.erasure}"
        allow_logs(self.key, site, group_name)
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=group_name,
            encryption_key=self.key,
            retention=retention(site.environment.services.log_days),
            removal_policy=site.removal_policy,
        )
        role, policy = self._role()
        destination = stepfunctions.CfnStateMachine.CloudWatchLogsLogGroupProperty(
            log_group_arn=log_group.log_group_arn
        )
        machine = stepfunctions.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=site.names.erasure,
            state_machine_type="STANDARD",
            role_arn=role.role_arn,
            definition_string=DEFINITION.read_text(encoding="utf-8"),
            definition_substitutions={"Control": self.control.resource.function_arn},
            encryption_configuration=stepfunctions.CfnStateMachine.EncryptionConfigurationProperty(
                type="CUSTOMER_MANAGED_KMS_KEY",
                kms_key_id=self.key.key_arn,
                kms_data_key_reuse_period_seconds=300,
            ),
            logging_configuration=stepfunctions.CfnStateMachine.LoggingConfigurationProperty(
                level="ALL",
                include_execution_data=False,
                destinations=[
                    stepfunctions.CfnStateMachine.LogDestinationProperty(
                        cloud_watch_logs_log_group=destination
                    )
                ],
            ),
            tracing_configuration=stepfunctions.CfnStateMachine.TracingConfigurationProperty(enabled=True),
        )
        machine.node.add_dependency(policy)
        return machine

    def _role(self) -> tuple[iam.Role, iam.ManagedPolicy]:
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com").with_conditions(
                {"StringEquals": {"aws:SourceAccount": self.site.account}}
            ),
        )
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            description="The erasure's state machine asks its function, logs and traces",
            roles=[role],
            statements=[
                iam.PolicyStatement(
                    sid="AskTheFunction",
                    actions=["lambda:InvokeFunction"],
                    resources=[self.control.resource.function_arn],
                ),
                iam.PolicyStatement(
                    sid="EncryptExecutions",
                    actions=["kms:Decrypt", "kms:GenerateDataKey"],
                    resources=[self.key.key_arn],
                ),
                iam.PolicyStatement(sid="LogAndTrace", actions=[*DELIVERY, *TRACING], resources=["*"]),
            ],
        )
        return role, policy

    def _alarm(self) -> None:
        """An erasure is owed within a month: one that failed is somebody's work today."""
        ended = {
            name: cloudwatch.Metric(
                namespace="AWS/States",
                metric_name=metric,
                dimensions_map={"StateMachineArn": self.machine.attr_arn},
                statistic="Sum",
                period=cdk.Duration.minutes(5),
            )
            for name, metric in (
                ("failed", "ExecutionsFailed"),
                ("late", "ExecutionsTimedOut"),
                ("stopped", "ExecutionsAborted"),
            )
        }
        names = self.site.names
        alarm = cloudwatch.Alarm(
            self,
            "erasure-failed",
            alarm_name=f"{names.prefix}-erasure-failed",
            alarm_description="Personal data may be left. Runbook: docs/runbooks/erasure-failed.md",
            metric=cloudwatch.MathExpression(
                expression="failed + late + stopped", using_metrics=ended, label="erasures that did not end"
            ),
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            threshold=0,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        topic = sns.Topic.from_topic_arn(
            self, "Alarms", f"arn:aws:sns:{self.site.region}:{self.site.account}:{names.prefix}-ticket"
        )
        alarm.add_alarm_action(actions.SnsAction(topic))


#: Log delivery and tracing know no resource ("Using CloudWatch Logs", "X-Ray", Step Functions guide).
DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
TRACING = (
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)
