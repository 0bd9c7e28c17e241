"""What every stack of the platform shares: where it stands, how it is named, how it is tagged."""

from __future__ import annotations

import re
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct, IConstruct

from stacks.environment import Environment
from stacks.flags import FLAGS
from stacks.naming import PROJECT, Names


def context(environment: Environment, account: str) -> dict[str, object]:
    """What the app must know before its first construct.

    Availability zones are given, so that nothing is looked up; weak references need no custom resource.
    """
    zones = {
        f"availability-zones:account={account}:region={code}": region.availability_zones
        for code, region in environment.regions.items()
    }
    return {**FLAGS, **zones}


@dataclass(frozen=True)
class Site:
    """One region of one environment in one account: what a stack is built for."""

    environment: Environment
    account: str
    region: str

    @property
    def names(self) -> Names:
        return self.environment.names

    @property
    def is_home(self) -> bool:
        return self.region == self.environment.home_region

    @property
    def is_writer(self) -> bool:
        return self.region == self.environment.writer_region

    @property
    def removal_policy(self) -> cdk.RemovalPolicy:
        """Data outlives its stack where the environment is protected."""
        return cdk.RemovalPolicy.RETAIN if self.environment.protect else cdk.RemovalPolicy.DESTROY


class PlatformStack(cdk.Stack):
    """A stack of one area in one region, named and tagged by the rules of the platform."""

    def __init__(self, scope: Construct, site: Site, area: str, *, description: str) -> None:
        super().__init__(
            scope,
            site.names.stack(site.region, area),
            env=cdk.Environment(account=site.account, region=site.region),
            description=description,
            cross_region_references=True,
            termination_protection=site.environment.protect and area in STATEFUL_AREAS,
        )
        self.site = site
        self.area = area
        tags = cdk.Tags.of(self)
        own = {
            "project": PROJECT,
            "environment": site.environment.name,
            "area": area,
            "classification": CLASSIFICATION.get(area.removesuffix("-state"), "confidential"),
        }
        for key, value in sorted((site.environment.tags | own).items()):
            tags.add(key, value, exclude_resource_types=list(UNTAGGABLE))


#: What an area's data are at most: ``public``, ``internal``, ``confidential`` (harms the business) or
#: ``personal`` (about people: retention and erasure apply). What nobody classified is confidential.
CLASSIFICATION = {
    "delivery": "internal",
    "dns": "public",
    "network": "personal",  # flow logs hold viewers' addresses
    "peering": "internal",
    "datalake": "personal",
    "lake-catalogue": "confidential",
    "lake-replication": "personal",
    "global-db": "personal",
    "streaming": "personal",
    "flink": "confidential",
    "ecs": "personal",  # logs name users and addresses
    "ml": "internal",
    "edge": "personal",  # access logs hold viewers' addresses
    "monitoring": "internal",
    "security": "confidential",
}

#: Types that the CDK would tag although CloudFormation's schema has no tags for them.
UNTAGGABLE = ("AWS::ElastiCache::GlobalReplicationGroup",)

#: Areas that hold data or what data depends on; their stacks are protected where the environment is.
STATEFUL_AREAS = frozenset(
    {
        "boundary",
        "dns",
        "edge-state",
        "network-state",
        "network",
        "datalake",
        "global-db",
        "ecs-state",
        "flink-state",
        "monitoring-state",
        "security-state",
        "service-secrets",
        "streaming-state",
    }
)


_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}


def retention(days: int) -> logs.RetentionDays:
    """Log retention of so many days; the configuration admits only those that CloudWatch Logs knows."""
    return _RETENTION[days]


def allow_logs(key: kms.IKey, site: Site, group_name: str) -> None:
    """Lets CloudWatch Logs use ``key`` for this log group; nothing where the key is imported."""
    group_arn = f"arn:aws:logs:{site.region}:{site.account}:log-group:{group_name}"
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="LogsOf" + "".join(part.capitalize() for part in re.findall("[a-z0-9]+", group_name)),
            principals=[iam.ServicePrincipal(f"logs.{site.region}.amazonaws.com")],
            actions=[
                "kms:Encrypt*",
                "kms:Decrypt*",
                "kms:ReEncrypt*",
                "kms:GenerateDataKey*",
                "kms:Describe*",
            ],
            resources=["*"],  # in a key policy that is the key itself
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": group_arn}},
        )
    )


def accept_redundant_dependencies(construct: IConstruct) -> None:
    """Tells cfn-lint (W3005) that the CDK itself writes DependsOn beside a reference of this resource."""
    resource = construct if isinstance(construct, cdk.CfnResource) else construct.node.default_child
    if isinstance(resource, cdk.CfnResource):
        resource.add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3005"]}})
