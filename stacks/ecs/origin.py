"""How the edge finds a region: its certificate, its latency record and its own record."""

from __future__ import annotations

from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_route53 as route53
from constructs import Construct

from stacks.base import Site
from stacks.naming import latency_origin, regional_origin

#: Consecutive checks that must fail before Route 53 takes the region out of the latency record.
FAILURE_THRESHOLD = 3


def certificate(scope: Construct, site: Site, zone: route53.IHostedZone) -> acm.Certificate:
    """A certificate that names both origins: CloudFront checks the name that it connected to."""
    domain = site.environment.domain
    return acm.Certificate(
        scope,
        "Certificate",
        domain_name=regional_origin(site.region, domain),
        subject_alternative_names=[latency_origin(domain)],
        validation=acm.CertificateValidation.from_dns(zone),
    )


class OriginRecords(Construct):
    """``origin.<domain>`` by latency with a health check, ``origin-<region>.<domain>`` by name."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        zone: route53.IHostedZone,
        load_balancer: elb.ApplicationLoadBalancer,
    ) -> None:
        super().__init__(scope, construct_id)
        environment = site.environment
        by_name = regional_origin(site.region, environment.domain)
        alias = route53.CfnRecordSet.AliasTargetProperty(
            dns_name=load_balancer.load_balancer_dns_name,
            hosted_zone_id=load_balancer.load_balancer_canonical_hosted_zone_id,
            evaluate_target_health=environment.services.deployment.strategy == "rolling",
        )
        route53.CfnRecordSet(
            self,
            "ByName",
            hosted_zone_id=zone.hosted_zone_id,
            name=f"{by_name}.",
            type="A",
            alias_target=alias,
        )
        self.health_check = route53.CfnHealthCheck(
            self,
            "HealthCheck",
            health_check_config=route53.CfnHealthCheck.HealthCheckConfigProperty(
                type=environment.load_balancer.protocol.upper(),
                fully_qualified_domain_name=by_name,
                port=environment.load_balancer.port,
                resource_path="/health",
                request_interval=environment.edge.health_check_interval_seconds,
                failure_threshold=FAILURE_THRESHOLD,
            ),
            health_check_tags=[
                route53.CfnHealthCheck.HealthCheckTagProperty(
                    key="Name", value=f"{site.names.prefix}-{site.region}"
                )
            ],
        )
        route53.CfnRecordSet(
            self,
            "ByLatency",
            hosted_zone_id=zone.hosted_zone_id,
            name=f"{latency_origin(environment.domain)}.",
            type="A",
            region=site.region,
            set_identifier=site.region,
            health_check_id=self.health_check.attr_health_check_id,
            alias_target=alias,
        )
