"""The distribution. L1: the L2 drops every origin that no behaviour names, and the viewer-request
function chooses among exactly those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from constructs import Construct

from stacks.base import Site
from stacks.edge.behaviours import Behaviour
from stacks.edge.edge_function import EdgeFunction
from stacks.edge.identity import Identity
from stacks.edge.origins import LATENCY, origins
from stacks.edge.policies import ALL_VIEWER_EXCEPT_HOST_HEADER, Policies

#: CloudFront keeps an origin's errors for ten seconds unless told not to, even where nothing is cached.
UNKEPT_ERRORS = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)

READ_METHODS = ["GET", "HEAD", "OPTIONS"]
ALL_METHODS = [*READ_METHODS, "PUT", "PATCH", "POST", "DELETE"]

Cfn = cloudfront.CfnDistribution


@dataclass(frozen=True)
class Parts:
    """What stands beside a distribution and is named in it; edge functions by their event."""

    viewer_request: cloudfront.Function
    edge_functions: Mapping[str, EdgeFunction]
    identity: Identity
    certificate: acm.ICertificate | None
    firewall_arn: str | None


class Distribution(Construct):
    """The behaviours in their order, each with its policies and functions; the staging one where asked
    for."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        behaviours: Sequence[Behaviour],
        parts: Parts,
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.behaviours = behaviours
        self.parts = parts
        self.policies = Policies(self, "Policies", site=site)
        self.staging, policy = self._staging()
        self.resource = Cfn(
            self, "Resource", distribution_config=self._config("the platform's front door", policy=policy)
        )

    @property
    def domain_name(self) -> str:
        return self.resource.attr_domain_name

    @property
    def ids(self) -> list[str]:
        """The distribution, and its staging one where there is one."""
        return [self.resource.ref, *([self.staging.ref] if self.staging else [])]

    def _staging(self) -> tuple[Cfn | None, str | None]:
        settings = self.site.environment.edge.staging
        if settings is None:
            return None, None
        staging = Cfn(self, "Staging", distribution_config=self._config("staging", staging=True))
        policy = cloudfront.CfnContinuousDeploymentPolicy
        if settings.weight is not None:
            traffic = policy.TrafficConfigProperty(
                type="SingleWeight",
                single_weight_config=policy.SingleWeightConfigProperty(weight=settings.weight),
            )
        else:
            traffic = policy.TrafficConfigProperty(
                type="SingleHeader",
                single_header_config=policy.SingleHeaderConfigProperty(
                    header=settings.header or "", value=settings.value or ""
                ),
            )
        made = policy(
            self,
            "ContinuousDeployment",
            continuous_deployment_policy_config=policy.ContinuousDeploymentPolicyConfigProperty(
                enabled=True,
                staging_distribution_dns_names=[staging.attr_domain_name],
                traffic_config=traffic,
            ),
        )
        return staging, made.ref

    def _config(
        self, what: str, *, staging: bool | None = None, policy: str | None = None
    ) -> Cfn.DistributionConfigProperty:
        site, certificate = self.site, self.parts.certificate
        *others, default = self.behaviours
        return Cfn.DistributionConfigProperty(
            enabled=True,
            staging=staging,
            continuous_deployment_policy_id=policy,
            comment=f"{site.names.prefix}: {what}",
            aliases=[site.environment.domain] if certificate and not staging else None,
            http_version="http2and3" if site.environment.edge.http3 else "http2",
            ipv6_enabled=True,
            price_class=site.environment.edge.price_class,
            web_acl_id=self.parts.firewall_arn,
            origins=origins(site, self.parts.identity),
            default_cache_behavior=Cfn.DefaultCacheBehaviorProperty(**self._behaviour(default)),
            cache_behaviors=[
                Cfn.CacheBehaviorProperty(path_pattern=behaviour.path, **self._behaviour(behaviour))
                for behaviour in others
            ],
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
        )

    def _behaviour(self, behaviour: Behaviour) -> dict[str, Any]:
        """What the default and the other behaviours have in common.

        All target the latency record alone, and no group: a behaviour that takes POST may not. The function
        at viewer-request makes the group of a read.
        """
        return {
            "target_origin_id": LATENCY,
            "viewer_protocol_policy": "redirect-to-https",
            "allowed_methods": READ_METHODS if behaviour.cached else ALL_METHODS,
            "cached_methods": ["GET", "HEAD"],
            "compress": behaviour.kind != "stream",
            "cache_policy_id": self._cache_policy(behaviour),
            "origin_request_policy_id": (
                self.policies.cached_request if behaviour.cached else ALL_VIEWER_EXCEPT_HOST_HEADER
            ),
            "response_headers_policy_id": self.policies.response_headers,
            "function_associations": [
                Cfn.FunctionAssociationProperty(
                    event_type="viewer-request", function_arn=self.parts.viewer_request.function_arn
                )
            ],
            "lambda_function_associations": [
                Cfn.LambdaFunctionAssociationProperty(
                    event_type=event, lambda_function_arn=self.parts.edge_functions[event].version_arn
                )
                for event in self._events(behaviour)
            ],
        }

    def _cache_policy(self, behaviour: Behaviour) -> str:
        if behaviour.cached is not None:
            return self.policies.cached(behaviour.cached)
        return self.policies.stream() if behaviour.kind == "stream" else self.policies.api()

    def _events(self, behaviour: Behaviour) -> list[str]:
        """Origin events alone: the viewer events are the CloudFront Function's, and no behaviour takes
        both."""
        everywhere = self.site.environment.edge.shape_errors == "everywhere"
        events = ["origin-request"] if behaviour.kind == "protected" else []
        if behaviour.kind in {"protected", "cached"} or (everywhere and behaviour.kind == "api"):
            events.append("origin-response")
        return events
