"""One trail for all regions, in the home region: what was done in the account, signed and encrypted."""

from __future__ import annotations

from aws_cdk import aws_cloudtrail as cloudtrail
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.base import Site, allow_logs, retention
from stacks.role import granted_role
from stacks.security.settings import TrailSettings
from stacks.security.state import TRAIL_PREFIX

Selector = cloudtrail.CfnTrail.AdvancedEventSelectorProperty
Field = cloudtrail.CfnTrail.AdvancedFieldSelectorProperty


class Trail(Construct):
    """Management events of every region; and who read or wrote the lakes' objects, where the file asks."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        settings: TrailSettings,
        key: kms.IKey,
        bucket: s3.IBucket,
    ) -> None:
        super().__init__(scope, construct_id)
        selectors = [_selector("management", [_equals("eventCategory", "Management")])]
        if settings.lake_events:
            selectors.append(_lake_events(site))
        insights = ("ApiCallRateInsight", "ApiErrorRateInsight") if settings.insights else ()
        trail = cloudtrail.CfnTrail(
            self,
            "Trail",
            trail_name=site.names.trail,
            is_logging=True,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            s3_bucket_name=bucket.bucket_name,
            s3_key_prefix=TRAIL_PREFIX,
            kms_key_id=key.key_arn,
            advanced_event_selectors=selectors,
            insight_selectors=[
                cloudtrail.CfnTrail.InsightSelectorProperty(insight_type=kind) for kind in insights
            ]
            or None,
        )
        if settings.log_days is not None:
            self._log(trail, site, key, settings.log_days)

    def _log(self, trail: cloudtrail.CfnTrail, site: Site, key: kms.IKey, days: int) -> None:
        """The last ``days`` once more in CloudWatch Logs, where they are searched within minutes."""
        group_name = f"/{site.names.prefix}/trail"
        allow_logs(key, site, group_name)
        group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=group_name,
            encryption_key=key,
            retention=retention(days),
            removal_policy=site.removal_policy,
        )
        role, policy = granted_role(
            self,
            assumed_by=iam.ServicePrincipal("cloudtrail.amazonaws.com"),
            description=f"Delivers {site.names.trail} to its log group",
            statements=[
                iam.PolicyStatement(
                    sid="Deliver",
                    actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                    resources=[group.log_group_arn],
                )
            ],
        )
        trail.cloud_watch_logs_log_group_arn = group.log_group_arn
        trail.cloud_watch_logs_role_arn = role.role_arn
        trail.node.add_dependency(policy)


def _lake_events(site: Site) -> Selector:
    """A trail of all regions sees the objects of every region's lake, by what all their names begin with."""
    lakes = [f"arn:aws:s3:::{site.names.lake_bucket(site.account, '')}"]
    return _selector(
        "lake objects",
        [
            _equals("eventCategory", "Data"),
            _equals("resources.type", "AWS::S3::Object"),
            Field(field="resources.ARN", starts_with=lakes),
        ],
    )


def _selector(name: str, fields: list[Field]) -> Selector:
    return Selector(name=name, field_selectors=fields)


def _equals(field: str, value: str) -> Field:
    return Field(field=field, equal_to=[value])  # `Equals` in the template
