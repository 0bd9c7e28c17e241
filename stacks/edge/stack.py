"""edge: CloudFront in front of every region. One stack, in us-east-1."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.edge.distribution import Distribution
from stacks.edge.routing import ViewerRequestRouting


class EdgeStack(PlatformStack):
    """Distribution, the function that chooses the origin, and the site's own records."""

    def __init__(self, scope: Construct, site: Site, *, zone: route53.IHostedZone) -> None:
        super().__init__(scope, site, "edge", description="CloudFront distribution and origin routing")
        certificate = self._certificate(zone) if site.environment.edge.certificate else None
        self.certificate_arn = certificate.certificate_arn if certificate else None
        self.routing = ViewerRequestRouting(self, "Routing", site=site)
        self.distribution = Distribution(
            self, "Distribution", site=site, function=self.routing.function, certificate=certificate
        )
        if certificate is not None:
            self._site_records(zone)
        self._publish()

    def _certificate(self, zone: route53.IHostedZone) -> acm.Certificate:
        return acm.Certificate(
            self,
            "Certificate",
            domain_name=self.site.environment.domain,
            validation=acm.CertificateValidation.from_dns(zone),
        )

    def _site_records(self, zone: route53.IHostedZone) -> None:
        distribution = cloudfront.Distribution.from_distribution_attributes(
            self,
            "Target",
            distribution_id=self.distribution.resource.ref,
            domain_name=self.distribution.domain_name,
        )
        target = route53.RecordTarget.from_alias(targets.CloudFrontTarget(distribution))
        route53.ARecord(self, "SiteA", zone=zone, target=target)
        route53.AaaaRecord(self, "SiteAaaa", zone=zone, target=target)

    def _publish(self) -> None:
        """What ops needs to drain a region, where it looks for it."""
        values = {
            "distribution-id": self.distribution.resource.ref,
            "distribution-domain": self.distribution.domain_name,
            "routing-store-arn": self.routing.store.key_value_store_arn,
        }
        for name, value in values.items():
            ssm.StringParameter(
                self,
                f"Parameter-{name}",
                parameter_name=self.site.names.parameter("edge", name),
                string_value=value,
            )
        cdk.CfnOutput(self, "Site", value=f"https://{self.distribution.domain_name}")
