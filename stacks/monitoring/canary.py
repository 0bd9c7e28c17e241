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
from stacks.role import granted_role
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
        role, policy = self._role(bucket)
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
            role=role,
            artifacts_bucket_location=synthetics.ArtifactsBucketLocation(
                bucket=s3.Bucket.from_bucket_name(self, "Artifacts", bucket), prefix=f"{PREFIX}/{of}"
            ),
            success_retention_period=cdk.Duration.days(7),
            failure_retention_period=cdk.Duration.days(31),
            environment_variables={"CANARY_URL": url, "CANARY_REGIONS": ",".join(regions)},
        )
        self.canary.node.add_dependency(policy)

    def _role(self, bucket: str) -> tuple[iam.IRole, iam.ManagedPolicy]:
        """What a canary does beside asking: it keeps what it saw, and counts."""
        site = self.site
        name = f"/aws/lambda/cwsyn-{site.names.prefix}-{self.of}-*"  # Synthetics ends it with an id
        group = f"arn:aws:logs:{site.region}:{site.account}:log-group:{name}"
        grants = (
            ("KeepArtifacts", ["s3:PutObject"], [f"arn:aws:s3:::{bucket}/{PREFIX}/{self.of}/*"]),
            ("FindTheBucket", ["s3:GetBucketLocation"], [f"arn:aws:s3:::{bucket}"]),
            ("Log", ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], [group]),
        )
        count = iam.PolicyStatement(
            sid="Count",
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],  # knows no resource; the namespace bounds it
            conditions={"StringEquals": {"cloudwatch:namespace": "CloudWatchSynthetics"}},
        )
        return granted_role(
            self,
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"Canary that asks the {self.of}",
            statements=[
                *(
                    iam.PolicyStatement(sid=sid, actions=actions, resources=resources)
                    for sid, actions, resources in grants
                ),
                count,
            ],
        )

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
        # The edge knows who may answer today; a canary, who ever may.
        permitted = environment.permitted_regions
        edge = ApiCanary(factory.scope, "EdgeCanary", site=site, of="edge", url=edge_url, regions=permitted)
        factory.alarm(FAILING, edge.metric(), of="edge")
    if settings.origin:
        door = environment.load_balancer
        url = f"{door.protocol}://{regional_origin(site.region, environment.domain)}:{door.port}"
        origin = ApiCanary(
            factory.scope, "OriginCanary", site=site, of="origin", url=url, regions=[site.region]
        )
        own.append(factory.alarm(FAILING, origin.metric(), of="origin"))
    return own
