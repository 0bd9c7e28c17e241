"""The lake's freshness: a function asks every half hour, an alarm a dataset compares."""

from __future__ import annotations

import json
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from stacks.base import Site
from stacks.datalake.schemas import DATASETS, Dataset
from stacks.function import FunctionProps, PlatformFunction
from stacks.monitoring.condition import QUIET_IS_BAD, Condition, Severity
from stacks.monitoring.factory import AlarmFactory
from stacks.monitoring.state import FRESHNESS_LOG

STALE = Condition(
    "lake-stale",
    Severity.TICKET,
    "An expected dataset got nothing new for longer than its schema allows, or nobody looks.",
    periods=2,
    datapoints=2,
    missing=QUIET_IS_BAD,
)

#: A request to S3 costs: with three writers a dataset makes about six, so some 9,000 a month.
EVERY = "rate(30 minutes)"
PERIOD = cdk.Duration.hours(1)


class LakeFreshness(Construct):
    """``expected`` are datasets by name; how old each may grow is said where it is declared."""

    def __init__(
        self, scope: Construct, construct_id: str, *, site: Site, expected: Sequence[str], key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.namespace = f"RichesReach/{site.environment.name}/lake"
        self.datasets = [dataset for dataset in DATASETS if dataset.name in expected]
        self.function = self._function(key)
        self._schedule()

    def alarms(self, factory: AlarmFactory) -> None:
        for dataset in self.datasets:
            metric = cloudwatch.Metric(
                namespace=self.namespace,
                metric_name="LakeAgeSeconds",
                dimensions_map={"Dataset": dataset.name},
                statistic="Minimum",
                period=PERIOD,
                region=self.site.region,
                label=f"{self.site.region} {dataset.name}: age",
            )
            factory.alarm(STALE.at(dataset.fresh_hours * 3600), metric, of=dataset.name.replace("_", "-"))

    def _function(self, key: kms.IKey) -> PlatformFunction:
        site = self.site
        bucket = site.names.lake_bucket(site.account, site.region)
        return PlatformFunction(
            self,
            "Function",
            site=site,
            props=FunctionProps(
                code="lake_freshness",
                description="Age of the newest data of the lake's expected datasets",
                timeout=cdk.Duration.minutes(5),
                key=key,
                log_name=FRESHNESS_LOG,
                statements=[
                    iam.PolicyStatement(
                        sid="List",
                        actions=["s3:ListBucket"],
                        resources=[f"arn:aws:s3:::{bucket}"],
                        conditions={"StringLike": {"s3:prefix": [f"{d.prefix}*" for d in self.datasets]}},
                    )
                ],
                variables={
                    "BUCKET": bucket,
                    "DATASETS": json.dumps({d.name: _asked(d) for d in self.datasets}, sort_keys=True),
                    "NAMESPACE": self.namespace,
                },
            ),
        )

    def _schedule(self) -> None:
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com").with_conditions(
                {"StringEquals": {"aws:SourceAccount": self.site.account}}
            ),
        )
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            description="EventBridge Scheduler asks how old the lake is",
            roles=[role],
            statements=[
                iam.PolicyStatement(
                    sid="Ask",
                    actions=["lambda:InvokeFunction"],
                    resources=[self.function.resource.function_arn],
                )
            ],
        )
        schedule = scheduler.CfnSchedule(
            self,
            "Schedule",
            description="Asks how old the newest data of the lake is",
            schedule_expression=EVERY,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=self.function.resource.function_arn, role_arn=role.role_arn
            ),
        )
        schedule.node.add_dependency(policy)


def _asked(dataset: Dataset) -> dict[str, object]:
    return {"prefix": dataset.prefix, "hours": dataset.fresh_hours}
