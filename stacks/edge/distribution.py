"""The distribution. L1: the L2 drops every origin that no behaviour names, and the viewer-request
function chooses among exactly those."""

from __future__ import annotations

from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from constructs import Construct

from stacks.base import Site
from stacks.naming import latency_origin, regional_origin

#: Id of the origin that Route 53 resolves by latency; the others are called as their regions.
LATENCY = "latency"

#: Managed by AWS: every header of the viewer but Host ("Using managed origin request policies").
ALL_VIEWER_EXCEPT_HOST_HEADER = "b689b0a8-53d0-40ab-baf2-68738e2966ac"

#: CloudFront keeps an origin's errors for ten seconds unless told not to, even where nothing is cached.
UNKEPT_ERRORS = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)

Cfn = cloudfront.CfnDistribution


class Distribution(Construct):
    """One behaviour in this form: everything is the API, nothing is cached for longer than a second."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        function: cloudfront.Function,
        certificate: acm.ICertificate | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        environment = site.environment
        self.resource = Cfn(
            self,
            "Resource",
            distribution_config=Cfn.DistributionConfigProperty(
                enabled=True,
                comment=f"{site.names.prefix}: the platform's front door",
                aliases=[environment.domain] if certificate else None,
                http_version="http2and3",
                ipv6_enabled=True,
                price_class=environment.edge.price_class,
                origins=self._origins(),
                default_cache_behavior=self._api_behaviour(function),
                custom_error_responses=[
                    Cfn.CustomErrorResponseProperty(error_code=code, error_caching_min_ttl=0)
                    for code in UNKEPT_ERRORS
                ],
                viewer_certificate=Cfn.ViewerCertificateProperty(
                    acm_certificate_arn=certificate.certificate_arn,
                    minimum_protocol_version="TLSv1.2_2021",
                    ssl_support_method="sni-only",
                )
                if certificate
                else Cfn.ViewerCertificateProperty(cloud_front_default_certificate=True),
            ),
        )

    @property
    def domain_name(self) -> str:
        return self.resource.attr_domain_name

    def _origins(self) -> list[Cfn.OriginProperty]:
        domain = self.site.environment.domain
        by_region = [
            self._origin(region, regional_origin(region, domain)) for region in self.site.environment.regions
        ]
        return [self._origin(LATENCY, latency_origin(domain)), *by_region]

    def _origin(self, origin_id: str, domain_name: str) -> Cfn.OriginProperty:
        edge, balancer = self.site.environment.edge, self.site.environment.load_balancer
        secure = balancer.protocol == "https"
        return Cfn.OriginProperty(
            id=origin_id,
            domain_name=domain_name,
            connection_attempts=2,
            connection_timeout=edge.origin_connect_seconds,
            custom_origin_config=Cfn.CustomOriginConfigProperty(
                origin_protocol_policy="https-only" if secure else "http-only",
                https_port=balancer.port if secure else 443,
                http_port=80 if secure else balancer.port,
                origin_ssl_protocols=["TLSv1.2"],
                origin_read_timeout=edge.origin_read_seconds,
                origin_keepalive_timeout=30,
            ),
        )

    def _api_behaviour(self, function: cloudfront.Function) -> Cfn.DefaultCacheBehaviorProperty:
        return Cfn.DefaultCacheBehaviorProperty(
            target_origin_id=LATENCY,
            viewer_protocol_policy="redirect-to-https",
            allowed_methods=["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"],
            cached_methods=["GET", "HEAD"],
            compress=True,
            cache_policy_id=self._api_cache_policy().ref,
            origin_request_policy_id=ALL_VIEWER_EXCEPT_HOST_HEADER,
            function_associations=[
                Cfn.FunctionAssociationProperty(
                    event_type="viewer-request", function_arn=function.function_arn
                )
            ],
        )

    def _api_cache_policy(self) -> cloudfront.CfnCachePolicy:
        """Nothing is cached unless the service says so, and then for a second.

        The maximum is not 0 because only a policy that may cache can name headers, and only a header
        named here reaches the function: it needs the viewer's place to choose the nearest region.
        """
        policy = cloudfront.CfnCachePolicy
        return cloudfront.CfnCachePolicy(
            self,
            "ApiCachePolicy",
            cache_policy_config=policy.CachePolicyConfigProperty(
                name=f"{self.site.names.prefix}-api",
                comment="API: no caching by default; keyed by caller and place",
                min_ttl=0,
                default_ttl=0,
                max_ttl=1,
                parameters_in_cache_key_and_forwarded_to_origin=policy.ParametersInCacheKeyAndForwardedToOriginProperty(
                    enable_accept_encoding_brotli=True,
                    enable_accept_encoding_gzip=True,
                    cookies_config=policy.CookiesConfigProperty(cookie_behavior="all"),
                    query_strings_config=policy.QueryStringsConfigProperty(query_string_behavior="all"),
                    headers_config=policy.HeadersConfigProperty(
                        header_behavior="whitelist",
                        headers=[
                            "Authorization",
                            "CloudFront-Viewer-Latitude",
                            "CloudFront-Viewer-Longitude",
                        ],
                    ),
                ),
            ),
        )
