"""Rotation of the origin-verify value: load balancers of every region first, then the distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.base import Site
from stacks.edge.edge_function import EdgeFunction
from stacks.function import FunctionProps, PlatformFunction
from stacks.naming import ORIGIN_VERIFY_HEADER
from stacks.secret import opens, seals


class OriginSecretRotation(Construct):
    """``distributions``: ids of those that send the header; ``firewall_arn``: the web ACL that they name;
    ``secrets_keys``: of every region that has the secrets."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        distributions: Sequence[str],
        edge_functions: Sequence[EdgeFunction],
        firewall_arn: str | None,
        log_key: kms.IKey,
        secrets_keys: Mapping[str, kms.IKey],
    ) -> None:
        super().__init__(scope, construct_id)
        names = site.names
        self.function = PlatformFunction(
            self,
            "Function",
            site=site,
            props=FunctionProps(
                code="origin_secret",
                description="Rotates the origin-verify header",
                timeout=cdk.Duration.minutes(15),
                key=log_key,
                statements=[
                    *_secrets(site),
                    opens(secrets_keys[site.region]),
                    seals(*secrets_keys.values()),
                    *_load_balancers(site),
                    *_distributions(site, distributions, edge_functions, firewall_arn),
                ],
                variables={
                    "HEADER": ORIGIN_VERIFY_HEADER,
                    "PREVIOUS_SECRET_NAME": names.previous_origin_secret,
                    "LOAD_BALANCER": names.load_balancer,
                    "REGIONS": ",".join(site.environment.regions),
                    "DISTRIBUTIONS": ",".join(distributions),
                },
            ),
        )
        self.function.resource.add_permission(
            "SecretsManager",
            principal=iam.ServicePrincipal("secretsmanager.amazonaws.com"),
            source_account=site.account,
        )
        schedule = secretsmanager.CfnRotationSchedule(
            self,
            "Schedule",
            secret_id=names.origin_secret,
            rotation_lambda_arn=self.function.resource.function_arn,
            rotate_immediately_on_update=False,
            rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                automatically_after_days=site.environment.edge.origin_secret_days
            ),
        )
        # It checks at birth that Secrets Manager may call the function.
        schedule.node.add_dependency(self.function.resource.node.find_child("SecretsManager"))


def _secrets(site: Site) -> list[iam.PolicyStatement]:
    """An ARN ends in six characters that Secrets Manager draws."""
    start = f"arn:aws:secretsmanager:{site.region}:{site.account}:secret:"
    current, previous = f"{site.names.origin_secret}-??????", f"{site.names.previous_origin_secret}-??????"
    return [
        iam.PolicyStatement(
            sid="RotateCurrent",
            actions=[
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetSecretValue",
                "secretsmanager:PutSecretValue",
                "secretsmanager:UpdateSecretVersionStage",
            ],
            resources=[start + current],
        ),
        iam.PolicyStatement(
            sid="KeepPrevious", actions=["secretsmanager:PutSecretValue"], resources=[start + previous]
        ),
        iam.PolicyStatement(sid="DrawValue", actions=["secretsmanager:GetRandomPassword"], resources=["*"]),
    ]


def _load_balancers(site: Site) -> list[iam.PolicyStatement]:
    rules = f"listener-rule/app/{site.names.load_balancer}/*"
    return [
        iam.PolicyStatement(
            sid="FindRules",
            actions=[
                "elasticloadbalancing:DescribeLoadBalancers",
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:DescribeRules",
            ],
            resources=["*"],
        ),
        iam.PolicyStatement(
            sid="AcceptValues",
            actions=["elasticloadbalancing:ModifyRule"],
            resources=[f"arn:aws:elasticloadbalancing:*:{site.account}:{rules}"],
        ),
    ]


def _distributions(
    site: Site, ids: Sequence[str], edge_functions: Sequence[EdgeFunction], firewall_arn: str | None
) -> list[iam.PolicyStatement]:
    """An update names the functions and the web ACL again, so CloudFront asks for leave to use them."""
    statements = [
        iam.PolicyStatement(
            sid="SendValue",
            actions=[
                "cloudfront:GetDistribution",
                "cloudfront:GetDistributionConfig",
                "cloudfront:UpdateDistribution",
            ],
            resources=[f"arn:aws:cloudfront::{site.account}:distribution/{each}" for each in ids],
        ),
        iam.PolicyStatement(
            sid="KeepFunctions",
            actions=["lambda:GetFunction", "lambda:EnableReplication*"],
            resources=[function.version_arn for function in edge_functions],
        ),
    ]
    if firewall_arn:
        statements.append(
            iam.PolicyStatement(sid="KeepFirewall", actions=["wafv2:GetWebACL"], resources=[firewall_arn])
        )
    return statements
