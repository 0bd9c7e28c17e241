"""edge: CloudFront in front of every region. One stack, in us-east-1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_kms as kms
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.edge.behaviours import behaviours, cached_paths, protected_paths
from stacks.edge.distribution import Distribution, Parts
from stacks.edge.edge_function import EdgeFunction
from stacks.edge.firewall import Firewall
from stacks.edge.identity import RESOURCE_SERVER
from stacks.edge.logs import AccessLogs
from stacks.edge.prose import prose_paths
from stacks.edge.rotation import OriginSecretRotation
from stacks.edge.routing import ViewerRequestRouting
from stacks.edge.state import EdgeStateStack
from stacks.manifest import Manifest


class EdgeStack(PlatformStack):
    """Distribution, the functions at its events, its firewall and logs, and the site's own records."""

    def __init__(
        self,
        scope: Construct,
        site: Site,
        *,
        zone: route53.IHostedZone,
        state: EdgeStateStack,
        manifests: Sequence[Manifest],
    ) -> None:
        super().__init__(scope, site, "edge", description="CloudFront distribution and origin routing")
        self.add_stack_dependency(state, "the distribution sends its secret and logs to its bucket")
        # Imported: its policy is written where it stands, and admits the logs of the edge.
        self.log_key = kms.Key.from_key_arn(self, "LogKey", state.log_key.key_arn)
        protected = protected_paths(manifests)
        self.routing = ViewerRequestRouting(
            self, "Routing", site=site, protected=[entry.path for entry in protected]
        )
        self.functions = self._functions(manifests)
        self.firewall = self._firewall(prose_paths(manifests))
        certificate = self._certificate(zone) if site.environment.edge.certificate else None
        self.certificate_arn = certificate.certificate_arn if certificate else None
        self.distribution = Distribution(
            self,
            "Distribution",
            site=site,
            behaviours=behaviours(manifests),
            parts=Parts(
                viewer_request=self.routing.function,
                edge_functions={function.event: function for function in self.functions},
                identity=state.identity,
                certificate=certificate,
                firewall_arn=self.firewall.resource.attr_arn if self.firewall else None,
            ),
        )
        if certificate is not None:
            self._site_records(zone)
        self._authorities(zone)
        self._rotate(state.secrets_keys)
        self._observe()
        self._publish()

    def _functions(self, manifests: Sequence[Manifest]) -> list[EdgeFunction]:
        stale = self.site.environment.edge.stale
        return [
            EdgeFunction(
                self,
                "OriginRequest",
                site=self.site,
                event="origin-request",
                log_key=self.log_key,
                configuration={
                    "protected": [entry.model_dump() for entry in protected_paths(manifests)],
                    "scope_prefix": f"{RESOURCE_SERVER}/",
                },
            ),
            EdgeFunction(
                self,
                "OriginResponse",
                site=self.site,
                event="origin-response",
                log_key=self.log_key,
                configuration={
                    "cached": [{"path": entry.path, "ttl": entry.ttl} for entry in cached_paths(manifests)],
                    "stale_while_revalidate": stale.while_revalidate_seconds,
                    "stale_if_error": stale.if_error_seconds,
                },
            ),
        ]

    def _firewall(self, prose: Sequence[str]) -> Firewall | None:
        edge, names = self.site.environment.edge, self.site.names
        if edge.firewall is None:
            return None
        bucket = f"arn:aws:s3:::{names.edge_log_bucket(self.site.account)}" if edge.logs else None
        return Firewall(
            self,
            "Firewall",
            site=self.site,
            settings=edge.firewall,
            prose=prose,
            log_bucket_arn=bucket,
        )

    def _rotate(self, secrets_keys: Mapping[str, kms.IKey]) -> None:
        self.rotation = OriginSecretRotation(
            self,
            "Rotation",
            site=self.site,
            distributions=self.distribution.ids,
            edge_functions=self.functions,
            firewall_arn=self.firewall.resource.attr_arn if self.firewall else None,
            log_key=self.log_key,
            secrets_keys=secrets_keys,
        )

    def _observe(self) -> None:
        edge, distribution_id = self.site.environment.edge, self.distribution.resource.ref
        if edge.logs:
            AccessLogs(
                self, "AccessLogs", site=self.site, settings=edge.logs, distribution_id=distribution_id
            )
        if edge.real_time_metrics:
            subscription = cloudfront.CfnMonitoringSubscription
            subscription(
                self,
                "RealTimeMetrics",
                distribution_id=distribution_id,
                monitoring_subscription=subscription.MonitoringSubscriptionProperty(
                    realtime_metrics_subscription_config=subscription.RealtimeMetricsSubscriptionConfigProperty(
                        realtime_metrics_subscription_status="Enabled"
                    )
                ),
            )

    def _certificate(self, zone: route53.IHostedZone) -> acm.Certificate:
        return acm.Certificate(
            self,
            "Certificate",
            domain_name=self.site.environment.domain,
            validation=acm.CertificateValidation.from_dns(zone),
        )

    def _authorities(self, zone: route53.IHostedZone) -> None:
        """CAA: nobody else may issue a certificate for the domain or a name below it."""
        names = self.site.environment.edge.certificate_authorities
        if names:
            values = [route53.CaaRecordValue(flag=0, tag=route53.CaaTag.ISSUE, value=name) for name in names]
            route53.CaaRecord(self, "Authorities", zone=zone, values=values)

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
        """What ops needs to drain a region, where it looks for it; and which regions serve, for whoever must
        reach all of them without being deployed again."""
        values = {
            "regions": ",".join(self.site.environment.regions),
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
