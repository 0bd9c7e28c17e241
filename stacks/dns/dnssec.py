"""DNSSEC: the zone's answers are signed, so that nobody can send viewers elsewhere."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_route53 as route53
from constructs import Construct

from stacks.base import Site

ROUTE53 = "dnssec-route53.amazonaws.com"


class Dnssec(Construct):
    """A key-signing key over an asymmetric KMS key, which Route 53 wants in us-east-1 and on P-256.

    Viewers' resolvers check nothing before the parent zone holds the DS record: its owner adds that by hand.
    """

    def __init__(self, scope: Construct, construct_id: str, *, site: Site, zone: route53.IHostedZone) -> None:
        super().__init__(scope, construct_id)
        key = kms.Key(
            self,
            "Key",
            alias=f"{site.names.prefix}-dnssec",
            description=f"Signs the keys of the zone {site.environment.domain}",
            key_spec=kms.KeySpec.ECC_NIST_P256,
            key_usage=kms.KeyUsage.SIGN_VERIFY,
            removal_policy=site.removal_policy,
        )
        for statement in _for_route53(site):
            key.add_to_resource_policy(statement)
        signing = route53.CfnKeySigningKey(
            self,
            "SigningKey",
            hosted_zone_id=zone.hosted_zone_id,
            key_management_service_arn=key.key_arn,
            name=f"{site.names.prefix.replace('-', '_')}_1",
            status="ACTIVE",
        )
        signing_on = route53.CfnDNSSEC(self, "Signing", hosted_zone_id=zone.hosted_zone_id)
        signing_on.add_resource_dependency(signing)


def _for_route53(site: Site) -> list[iam.PolicyStatement]:
    """What the Route 53 developer guide asks for ("Working with customer managed keys for DNSSEC")."""
    principal = iam.ServicePrincipal(ROUTE53)
    own = {
        "StringEquals": {"aws:SourceAccount": site.account},
        "ArnLike": {"aws:SourceArn": "arn:aws:route53:::hostedzone/*"},
    }
    return [
        iam.PolicyStatement(
            sid="Sign",
            principals=[principal],
            actions=["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"],
            resources=["*"],  # in a key policy that is the key itself
            conditions=own,
        ),
        iam.PolicyStatement(
            sid="Grant",
            principals=[principal],
            actions=["kms:CreateGrant"],
            resources=["*"],
            conditions={**own, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    ]
