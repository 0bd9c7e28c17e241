"""Origins of the distribution: the latency record and each region, with the time-outs of what they serve."""

from __future__ import annotations

from aws_cdk import aws_cloudfront as cloudfront

from stacks.base import Site
from stacks.edge.identity import Identity
from stacks.naming import ORIGIN_VERIFY_HEADER, latency_origin, regional_origin

#: Id of the origin that Route 53 resolves by latency; the others are called as their regions.
LATENCY = "latency"

#: Longest that CloudFront keeps an idle connection to an origin, in seconds.
KEEPALIVE = 60

Cfn = cloudfront.CfnDistribution


def origins(site: Site, identity: Identity) -> list[Cfn.OriginProperty]:
    """``latency`` and ``<region>`` for writes, ``<region>-read`` for reads that may fail over, and
    ``latency-stream`` and ``<region>-stream`` for connections that stay open."""
    edge, domain = site.environment.edge, site.environment.domain
    made = _Origins(site, identity)
    found = [
        made.one(LATENCY, latency_origin(domain), attempts=2, read=edge.origin_read_seconds),
        made.one(f"{LATENCY}-stream", latency_origin(domain), attempts=2, read=edge.origin_stream_seconds),
    ]
    for region in site.environment.regions:
        name = regional_origin(region, domain)
        found += [
            made.one(region, name, attempts=2, read=edge.origin_read_seconds),
            # The next region is a better second attempt than the same one.
            made.one(f"{region}-read", name, attempts=1, read=edge.origin_failover_seconds),
            made.one(f"{region}-stream", name, attempts=2, read=edge.origin_stream_seconds),
        ]
    return found


class _Origins:
    """What all origins of a distribution share."""

    def __init__(self, site: Site, identity: Identity) -> None:
        self.site = site
        secret = f"{{{{resolve:secretsmanager:{site.names.origin_secret}:SecretString}}}}"
        clients = (identity.web.user_pool_client_id, identity.service.user_pool_client_id)
        # CloudFront overwrites a viewer's header of the same name; Lambda@Edge reads them with the origin.
        self.headers = [
            Cfn.OriginCustomHeaderProperty(header_name=name, header_value=value)
            for name, value in (
                (ORIGIN_VERIFY_HEADER, secret),
                ("x-token-issuer", identity.issuer),
                ("x-token-audience", " ".join(clients)),
            )
        ]

    def one(self, origin_id: str, domain_name: str, *, attempts: int, read: int) -> Cfn.OriginProperty:
        edge, balancer = self.site.environment.edge, self.site.environment.load_balancer
        secure = balancer.protocol == "https"
        return Cfn.OriginProperty(
            id=origin_id,
            domain_name=domain_name,
            connection_attempts=attempts,
            connection_timeout=edge.origin_connect_seconds,
            origin_custom_headers=self.headers,
            custom_origin_config=Cfn.CustomOriginConfigProperty(
                origin_protocol_policy="https-only" if secure else "http-only",
                https_port=balancer.port if secure else 443,
                http_port=80 if secure else balancer.port,
                origin_ssl_protocols=["TLSv1.2"],
                origin_read_timeout=read,
                origin_keepalive_timeout=KEEPALIVE,
            ),
        )
