"""delivery: the roles that a repository's workflows take, without a key that anybody could keep.

One deploys, once the repository's environment lets it; one only looks. What either does with resources it
does through the roles of the CDK's bootstrap, which CloudFormation and the CDK know already.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.base import PlatformStack, Site

#: Issuer of a workflow's token, and for whom aws-actions/configure-aws-credentials asks it.
ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"

#: Qualifier of the CDK's bootstrap in every region, and what its roles do in a deployment.
QUALIFIER = "hnb659fds"
DEPLOYING = ("deploy", "file-publishing", "image-publishing", "lookup")
LOOKING = ("lookup",)

#: Hours of the longest deployment, as `.github/workflows/deploy-environment.yml` asks for them.
DEPLOY_HOURS = 4

#: Hours of a session that only looks; one that another role's session takes has no longer.
LOOK_HOURS = 1


class DeliveryStack(PlatformStack):
    """One stack: IAM is global. The roles reach every region that the platform may be in, so that the
    workflow which adds a region can deploy it."""

    def __init__(self, scope: Construct, site: Site, *, repository: str) -> None:
        super().__init__(scope, site, "delivery", description="Roles of the workflows that deploy")
        settings = site.environment.delivery
        self.repository = repository
        self.provider = self._provider(create=settings.create_provider)
        names = site.names
        deploy = self._role(names.deploy_role, site.environment.name, DEPLOY_HOURS)
        self._policy(deploy, "Deploy", [_assume(site, DEPLOYING), *_run(site)])
        look = self._role(names.look_role, f"{site.environment.name}-look", LOOK_HOURS)
        self._policy(look, "Look", [_assume(site, LOOKING)])

    def _provider(self, *, create: bool) -> str:
        """ARN of the account's identity provider, which an earlier environment may have made."""
        if create:
            made = iam.OidcProviderNative(self, "GitHub", url=f"https://{ISSUER}", client_ids=[AUDIENCE])
            return made.oidc_provider_arn
        return f"arn:aws:iam::{self.site.account}:oidc-provider/{ISSUER}"

    def _role(self, name: str, environment: str, hours: int) -> iam.Role:
        """For the jobs of the repository that name this environment, and for nobody else."""
        subject = f"repo:{self.repository}:environment:{environment}"
        return iam.Role(
            self,
            f"{name.rpartition('-')[2].capitalize()}Role",
            role_name=name,
            description=f"Workflows of {self.repository} in environment {environment}",
            max_session_duration=cdk.Duration.hours(hours),
            assumed_by=iam.WebIdentityPrincipal(
                self.provider,
                {"StringEquals": {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": subject}},
            ),
        )

    def _policy(self, role: iam.Role, name: str, statements: list[iam.PolicyStatement]) -> None:
        iam.ManagedPolicy(
            self,
            f"{name}Policy",
            description=f"What {role.role_name} may do beside the bootstrap's roles",
            roles=[role],
            statements=statements,
        )


def _assume(site: Site, roles: tuple[str, ...]) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid="TakeTheBootstrapsRoles",
        actions=["sts:AssumeRole"],
        resources=[
            f"arn:aws:iam::{site.account}:role/cdk-{QUALIFIER}-{role}-role-{site.account}-{region}"
            for region in site.environment.reach
            for role in roles
        ],
    )


def _run(site: Site) -> list[iam.PolicyStatement]:
    """What `richesreach deploy` itself asks and keeps: stacks, alarms, its lock and its record."""
    account, home, prefix = site.account, site.environment.home_region, site.names.prefix
    bucket = f"arn:aws:s3:::cdk-{QUALIFIER}-assets-{account}-{home}"
    runs = f"richesreach/{site.environment.name}/runs/*"
    stacks = [
        f"arn:aws:cloudformation:{region}:{account}:stack/{name}/*"
        for region in site.environment.reach
        for name in (f"{prefix}-*", "CDKToolkit")
    ]
    return [
        iam.PolicyStatement(
            sid="ReadStacks",
            actions=[
                "cloudformation:DescribeStackEvents",
                "cloudformation:GetTemplate",
                "cloudformation:ListStackResources",
            ],
            resources=stacks,
        ),
        iam.PolicyStatement(
            sid="ListStacksAndAlarms",
            actions=["cloudformation:DescribeStacks", "cloudwatch:DescribeAlarms", "ec2:DescribeRegions"],
            resources=["*"],
        ),
        iam.PolicyStatement(
            sid="HoldTheLock",
            actions=["ssm:GetParameter", "ssm:PutParameter", "ssm:DeleteParameter"],
            resources=[f"arn:aws:ssm:{home}:{account}:parameter{site.names.parameter('delivery', 'lock')}"],
        ),
        iam.PolicyStatement(
            sid="KeepTheRecord", actions=["s3:GetObject", "s3:PutObject"], resources=[f"{bucket}/{runs}"]
        ),
        iam.PolicyStatement(
            sid="ListTheRecords",
            actions=["s3:ListBucket"],
            resources=[bucket],
            # A key that is not there is "no such key" to who may list, else "denied": and names no prefix.
            conditions={"StringLikeIfExists": {"s3:prefix": runs}},
        ),
    ]
