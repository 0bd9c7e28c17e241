"""dns: the public zone, created or imported, before everything that puts a record into it."""

from __future__ import annotations

from aws_cdk import aws_route53 as route53
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.dns.dnssec import Dnssec


class DnsStack(PlatformStack):
    """One stack, in the edge's region: zones are global."""

    def __init__(self, scope: Construct, site: Site) -> None:
        super().__init__(scope, site, "dns", description="Public hosted zone of the platform")
        environment = site.environment
        self.zone: route53.IHostedZone
        if environment.hosted_zone_id:
            self.zone = route53.HostedZone.from_hosted_zone_attributes(
                self, "Zone", hosted_zone_id=environment.hosted_zone_id, zone_name=environment.domain
            )
        else:
            zone = route53.PublicHostedZone(self, "Zone", zone_name=environment.domain)
            zone.apply_removal_policy(site.removal_policy)
            self.zone = zone
        if environment.edge.dnssec:
            Dnssec(self, "Dnssec", site=site, zone=self.zone)
        # With an imported zone it is all that the stack holds: CloudFormation takes no empty one.
        ssm.StringParameter(
            self,
            "Parameter-zone-id",
            parameter_name=site.names.parameter("dns", "zone-id"),
            string_value=self.zone.hosted_zone_id,
        )
