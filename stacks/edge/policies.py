"""Policies of the distribution: what tells copies apart, what reaches an origin, what viewers get besides."""

from __future__ import annotations

import hashlib
import json

from aws_cdk import aws_cloudfront as cloudfront
from constructs import Construct

from stacks.base import Site
from stacks.edge.behaviours import API_TTL
from stacks.edge_paths import CachedPath

#: Managed by AWS: every header of the viewer but Host ("Using managed origin request policies").
ALL_VIEWER_EXCEPT_HOST_HEADER = "b689b0a8-53d0-40ab-baf2-68738e2966ac"

#: Only a header that a policy names reaches the function, which needs the viewer's place to choose a region.
PLACE = ["CloudFront-Viewer-Latitude", "CloudFront-Viewer-Longitude"]

HSTS_SECONDS = 63_072_000

PERMISSIONS = "accelerometer=(), camera=(), geolocation=(), gyroscope=(), microphone=(), payment=(), usb=()"

CachePolicy = cloudfront.CfnCachePolicy


class Policies(Construct):
    """Each policy is made when a behaviour first asks for it."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self._made: dict[str, CachePolicy] = {}
        self.response_headers = self._response_headers()
        self.cached_request = self._cached_request()

    def api(self) -> str:
        """Nothing is cached unless the service says so, and then for a second.

        The maximum is not 0 because only a policy that may cache can name headers.
        """
        return self._uncached("api", "API: kept only where the service says so", compress=True)

    def stream(self) -> str:
        """As the API, and no Accept-Encoding: a compressed event would wait for a full block."""
        return self._uncached("stream", "Open connections: never compressed", compress=False)

    def cached(self, path: CachedPath) -> str:
        """One policy for all paths of the same lifetime and key."""
        key = json.dumps([path.ttl, sorted(path.query), sorted(path.headers)])
        name = f"cached-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
        headers, query = sorted(path.headers), sorted(path.query)
        return self._policy(
            name,
            f"Public answers, {path.ttl} s",
            ttls=(path.ttl, path.ttl),
            parameters=CachePolicy.ParametersInCacheKeyAndForwardedToOriginProperty(
                enable_accept_encoding_brotli=True,
                enable_accept_encoding_gzip=True,
                cookies_config=CachePolicy.CookiesConfigProperty(cookie_behavior="none"),
                headers_config=CachePolicy.HeadersConfigProperty(
                    header_behavior="whitelist" if headers else "none", headers=headers or None
                ),
                query_strings_config=CachePolicy.QueryStringsConfigProperty(
                    query_string_behavior="whitelist" if query else "none", query_strings=query or None
                ),
            ),
        )

    def _uncached(self, name: str, comment: str, *, compress: bool) -> str:
        return self._policy(
            name,
            comment,
            ttls=(0, API_TTL),
            parameters=CachePolicy.ParametersInCacheKeyAndForwardedToOriginProperty(
                enable_accept_encoding_brotli=compress,
                enable_accept_encoding_gzip=compress,
                cookies_config=CachePolicy.CookiesConfigProperty(cookie_behavior="all"),
                query_strings_config=CachePolicy.QueryStringsConfigProperty(query_string_behavior="all"),
                headers_config=CachePolicy.HeadersConfigProperty(
                    header_behavior="whitelist", headers=["Authorization", *PLACE]
                ),
            ),
        )

    def _policy(
        self,
        name: str,
        comment: str,
        *,
        ttls: tuple[int, int],
        parameters: CachePolicy.ParametersInCacheKeyAndForwardedToOriginProperty,
    ) -> str:
        if name not in self._made:
            self._made[name] = CachePolicy(
                self,
                f"Cache-{name}",
                cache_policy_config=CachePolicy.CachePolicyConfigProperty(
                    name=f"{self.site.names.prefix}-{name}",
                    comment=comment,
                    min_ttl=0,
                    default_ttl=ttls[0],
                    max_ttl=ttls[1],
                    parameters_in_cache_key_and_forwarded_to_origin=parameters,
                ),
            )
        return self._made[name].ref

    def _cached_request(self) -> str:
        """Of a cached path an origin sees who the request is, and nothing that is the viewer's own."""
        policy = cloudfront.CfnOriginRequestPolicy
        return policy(
            self,
            "CachedRequest",
            origin_request_policy_config=policy.OriginRequestPolicyConfigProperty(
                name=f"{self.site.names.prefix}-cached",
                comment="Request id and place; nothing of the viewer's own",
                cookies_config=policy.CookiesConfigProperty(cookie_behavior="none"),
                headers_config=policy.HeadersConfigProperty(
                    header_behavior="whitelist", headers=["X-Request-Id", "X-Forwarded-Host", *PLACE]
                ),
                query_strings_config=policy.QueryStringsConfigProperty(query_string_behavior="none"),
            ),
        ).ref

    def _response_headers(self) -> str:
        policy = cloudfront.CfnResponseHeadersPolicy
        custom = {"Permissions-Policy": PERMISSIONS, "Cross-Origin-Opener-Policy": "same-origin"}
        return policy(
            self,
            "ResponseHeaders",
            response_headers_policy_config=policy.ResponseHeadersPolicyConfigProperty(
                name=f"{self.site.names.prefix}-security",
                comment="What browsers may do with the platform's answers",
                security_headers_config=policy.SecurityHeadersConfigProperty(
                    content_security_policy=policy.ContentSecurityPolicyProperty(
                        content_security_policy=self.site.environment.edge.content_security_policy,
                        override=True,
                    ),
                    content_type_options=policy.ContentTypeOptionsProperty(override=True),
                    frame_options=policy.FrameOptionsProperty(frame_option="DENY", override=True),
                    referrer_policy=policy.ReferrerPolicyProperty(
                        referrer_policy="strict-origin-when-cross-origin", override=True
                    ),
                    strict_transport_security=policy.StrictTransportSecurityProperty(
                        access_control_max_age_sec=HSTS_SECONDS,
                        include_subdomains=True,
                        preload=True,
                        override=True,
                    ),
                ),
                custom_headers_config=policy.CustomHeadersConfigProperty(
                    items=[
                        policy.CustomHeaderProperty(header=name, value=value, override=True)
                        for name, value in custom.items()
                    ]
                ),
                remove_headers_config=policy.RemoveHeadersConfigProperty(
                    items=[policy.RemoveHeaderProperty(header="Server")]
                ),
            ),
        ).ref
