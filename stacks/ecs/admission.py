"""Who reaches a load balancer: CloudFront and the Route 53 health checkers by address, this platform's own
distribution by a header."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.base import Site
from stacks.function import FunctionProps, PlatformFunction
from stacks.naming import ORIGIN_VERIFY_HEADER

#: CloudFront's servers that call origins; the list weighs 55 of the 60 rules of a security group (VPC user
#: guide).
CLOUDFRONT = "com.amazonaws.global.cloudfront.origin-facing"


class ManagedPrefixLists(Construct):
    """Ids of the lists that AWS manages in this region, asked for while the stack deploys."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site, log_key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        function = PlatformFunction(
            self,
            "LookUp",
            site=site,
            props=FunctionProps(
                code="prefix_lists",
                description="Ids of AWS-managed prefix lists in this region",
                timeout=cdk.Duration.minutes(1),
                key=log_key,
                statements=[
                    iam.PolicyStatement(
                        sid="FindPrefixLists", actions=["ec2:DescribeManagedPrefixLists"], resources=["*"]
                    )
                ],
            ),
        )
        found = cdk.CustomResource(
            self,
            "Found",
            resource_type="Custom::PrefixLists",
            service_token=function.resource.function_arn,
            properties={
                "Names": {
                    "CloudFront": CLOUDFRONT,
                    "HealthCheckers": f"com.amazonaws.{site.region}.route53-healthchecks",
                }
            },
        )
        self.cloudfront = found.get_att_string("CloudFront")
        self.health_checkers = found.get_att_string("HealthCheckers")


def admit_by_list(
    scope: Construct, *, site: Site, vpc: ec2.IVpc, group: ec2.SecurityGroup, log_key: kms.IKey
) -> ec2.SecurityGroup:
    """Lets the health checkers through ``group``; CloudFront gets the group that is returned, for itself
    alone."""
    lists = ManagedPrefixLists(scope, "PrefixLists", site=site, log_key=log_key)
    port = ec2.Port.tcp(site.environment.load_balancer.port)
    group.add_ingress_rule(
        ec2.Peer.prefix_list(lists.health_checkers), port, "from the Route 53 health checkers"
    )
    own = ec2.SecurityGroup(
        scope, "CloudFront", vpc=vpc, description="From CloudFront and nothing else", allow_all_outbound=False
    )
    own.add_ingress_rule(
        ec2.Peer.prefix_list(lists.cloudfront), port, "from CloudFront's origin-facing servers"
    )
    return own


def came_through_the_edge(site: Site) -> elb.ListenerCondition:
    """Holds for requests with the origin-verify value in use, or the one before it while a rotation spreads.

    Both are resolved by CloudFormation in this region, from the replicas of the secrets.
    """
    names = site.names
    return elb.ListenerCondition.http_header(
        ORIGIN_VERIFY_HEADER,
        [secret_value(name) for name in (names.origin_secret, names.previous_origin_secret)],
    )


def secret_value(name: str) -> str:
    """A secret's string by its name, for CloudFormation to resolve."""
    return f"{{{{resolve:secretsmanager:{name}:SecretString}}}}"
