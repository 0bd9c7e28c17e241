"""CloudWatch Synthetics: a canary asks the edge from each region, and another the region's own origin."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_synthetics as synthetics
from constructs import Construct

from stacks.base import Site
from stacks.monitoring.condition import BELOW, QUIET_IS_BAD, Condition, Severity
from stacks.monitoring.factory import AlarmFactory
from stacks.naming import regional_origin
from stacks.yaml_file import ROOT

FAILING = Condition(
    "canary-failing",
    Severity.PAGE,
    "A canary that asks what viewers ask gets wrong answers or none.",
    threshold=100,
    operator=BELOW,
    periods=3,
    datapoints=2,
    missing=QUIET_IS_BAD,
)

#: Where a region's log bucket keeps what the canaries saw.
PREFIX = "canaries"


class ApiCanary(Construct):
    """``of`` is ``edge`` or ``origin``; whoever answers must be one of ``regions``."""

    def __init__(
        self, scope: Construct, construct_id: str, *, site: Site, of: str, url: str, regions: list[str]
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.of = of
        settings = site.environment.monitoring.canary
        if settings is None:
            raise LookupError("this environment has no canaries")
        self.minutes = settings.minutes
        bucket = site.names.log_bucket(site.account, site.region)
        self.canary = synthetics.Canary(
            self,
            "Canary",
            canary_name=f"{site.names.prefix}-{of}",
            runtime=synthetics.Runtime.SYNTHETICS_PYTHON_SELENIUM_7_0,
            test=synthetics.Test.custom(
                code=synthetics.Code.from_asset(
                    str(ROOT / "lambda" / "canary"), exclude=["**/__pycache__", "**/*.pyc"]
                ),
                handler="index.handler",
            ),
            schedule=synthetics.Schedule.rate(cdk.Duration.minutes(settings.minutes)),
            timeout=cdk.Duration.seconds(60),
            role=self._role(bucket),
            artifacts_bucket_location=synthetics.ArtifactsBucketLocation(
                bucket=s3.Bucket.from_bucket_name(self, "Artifacts", bucket), prefix=f"{PREFIX}/{of}"
            ),
            success_retention_period=cdk.Duration.days(7),
            failure_retention_period=cdk.Duration.days(31),
            environment_variables={"CANARY_URL": url, "CANARY_REGIONS": ",".join(regions)},
        )

    def _role(self, bucket: str) -> iam.Role:
        """What a canary does beside asking: it keeps what it saw, and counts."""
        site = self.site
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        name = f"/aws/lambda/cwsyn-{site.names.prefix}-{self.of}-*"  # Synthetics ends it with an id
        group = f"arn:aws:logs:{site.region}:{site.account}:log-group:{name}"
        for sid, actions, resources in (
            ("KeepArtifacts", ["s3:PutObject"], [f"arn:aws:s3:::{bucket}/{PREFIX}/{self.of}/*"]),
            ("FindTheBucket", ["s3:GetBucketLocation"], [f"arn:aws:s3:::{bucket}"]),
            ("Log", ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], [group]),
        ):
            role.add_to_policy(iam.PolicyStatement(sid=sid, actions=actions, resources=resources))
        role.add_to_policy(
            iam.PolicyStatement(
                sid="Count",
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],  # knows no resource; the namespace bounds it
                conditions={"StringEquals": {"cloudwatch:namespace": "CloudWatchSynthetics"}},
            )
        )
        return role

    def metric(self) -> cloudwatch.Metric:
        """Percent of the runs that went well."""
        return cloudwatch.Metric(
            namespace="CloudWatchSynthetics",
            metric_name="SuccessPercent",
            dimensions_map={"CanaryName": f"{self.site.names.prefix}-{self.of}"},
            statistic="Average",
            period=cdk.Duration.minutes(self.minutes),
            region=self.site.region,
            label=f"{self.site.region} {self.of} (%)",
        )


def canary_alarms(factory: AlarmFactory, edge_url: str) -> list[cloudwatch.Alarm]:
    """Makes the region's canaries; returns the alarms of those that ask this region and no other."""
    site = factory.site
    environment = site.environment
    settings = environment.monitoring.canary
    own: list[cloudwatch.Alarm] = []
    if settings is None:
        return own
    if settings.edge:
        edge = ApiCanary(
            factory.scope, "EdgeCanary", site=site, of="edge", url=edge_url, regions=list(environment.regions)
        )
        factory.alarm(FAILING, edge.metric(), of="edge")
    if settings.origin:
        door = environment.load_balancer
        url = f"{door.protocol}://{regional_origin(site.region, environment.domain)}:{door.port}"
        origin = ApiCanary(
            factory.scope, "OriginCanary", site=site, of="origin", url=url, regions=[site.region]
        )
        own.append(factory.alarm(FAILING, origin.metric(), of="origin"))
    return own
