"""monitoring-state: what outlives a region's alarms: the key of their topics, and the services' metrics."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.base import PlatformStack, Site, allow_logs
from stacks.monitoring.metrics_store import MetricsStore

#: What publishes to a topic; SNS itself puts into the queue what it could not deliver.
PUBLISHERS = ("cloudwatch.amazonaws.com", "sns.amazonaws.com")
#: What publishes besides where the services' metrics are kept.
METRICS = "aps.amazonaws.com"
#: What publishes to the topics of us-east-1 besides.
COSTS = ("budgets.amazonaws.com", "costalerts.amazonaws.com")


def function_name(prefix: str) -> str:
    """The function that calls PagerDuty; ``prefix`` is the topics'."""
    return f"{prefix}-pagerduty"


#: Log of the function that asks how old the lake is, below the platform's prefix.
FRESHNESS_LOG = "lambda/lake-freshness"


def function_log(site: Site, prefix: str) -> str:
    return f"/{site.names.prefix}/lambda/{function_name(prefix)}"


class MonitoringStateStack(PlatformStack):
    """One a region, and one in us-east-1 in any case; ``store`` is where services run and are measured.

    ``secrets_key`` opens the secret by which PagerDuty knows the platform.
    """

    store: MetricsStore | None = None

    def __init__(self, scope: Construct, site: Site, secrets_key: kms.IKey) -> None:
        super().__init__(scope, site, "monitoring-state", description="Key of the region's alarm topics")
        prefix = site.names.prefix
        self.secrets_key = secrets_key
        self.key = kms.Key(
            self,
            "Key",
            alias=f"{prefix}-notifications",
            description=f"Alarm topics of {prefix} in {site.region}",
            enable_key_rotation=True,
            removal_policy=site.removal_policy,
        )
        is_global = site.region == site.environment.dns_region
        telemetry = site.environment.telemetry
        if telemetry is not None and site.region in site.environment.regions:
            self.store = MetricsStore(self, "Metrics", site=site, settings=telemetry)
        publishers = (*PUBLISHERS, *((METRICS,) if self.store else ()), *(COSTS if is_global else ()))
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Publishers",
                principals=[iam.ServicePrincipal(service) for service in publishers],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],  # in a key policy that is the key itself
                conditions={"StringEquals": {"aws:SourceAccount": site.account}},
            )
        )
        allow_logs(self.key, site, function_log(site, prefix))
        if site.environment.monitoring.lake_datasets:
            allow_logs(self.key, site, f"/{prefix}/{FRESHNESS_LOG}")
        if is_global:
            allow_logs(self.key, site, function_log(site, f"{prefix}-global"))
