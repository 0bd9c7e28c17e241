"""The load balancer of a region: one listener, one rule for each service's paths."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct

from stacks.base import Site
from stacks.ecs.admission import admit_by_list, came_through_the_edge
from stacks.manifest import Manifest
from stacks.network.stack import PUBLIC

#: A rule takes at most five values over all its conditions (ELB quotas); two are the origin-verify header's.
VALUES_PER_RULE = 5 - 2

#: After every rule that a manifest makes.
LAST_PRIORITY = 40_000

FORBIDDEN = (
    '{"type":"about:blank","title":"Forbidden","status":403,"detail":"this platform answers at its edge"}'
)


class LoadBalancer(Construct):
    """``route`` is called once, with every service of the region."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        vpc: ec2.IVpc,
        certificate: acm.ICertificate | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.certificate = certificate
        settings = site.environment.load_balancer
        self.security_group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="Front door of the region", allow_all_outbound=False
        )
        for cidr in settings.allowed_cidrs:
            self.security_group.add_ingress_rule(
                ec2.Peer.ipv4(cidr), ec2.Port.tcp(settings.port), f"{settings.protocol} from {cidr}"
            )
        self.resource = elb.ApplicationLoadBalancer(
            self,
            "Resource",
            load_balancer_name=site.names.load_balancer,
            vpc=vpc,
            internet_facing=True,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name=PUBLIC),
            security_group=self.security_group,
            deletion_protection=site.environment.protect,
            drop_invalid_header_fields=True,
            desync_mitigation_mode=elb.DesyncMitigationMode.DEFENSIVE,
            idle_timeout=cdk.Duration.seconds(settings.idle_timeout_seconds),
        )
        if settings.managed_prefix_lists:
            self.resource.add_security_group(
                admit_by_list(self, site=site, vpc=vpc, group=self.security_group)
            )
        self.resource.set_attribute("access_logs.s3.enabled", "true")
        self.resource.set_attribute("access_logs.s3.bucket", site.names.log_bucket(site.account, site.region))
        self.resource.set_attribute("access_logs.s3.prefix", "load-balancer")

    def admit(self, target: ec2.SecurityGroup, port: int) -> None:
        """Lets the load balancer, and nothing else, reach a service's port."""
        target.add_ingress_rule(self.security_group, ec2.Port.tcp(port), "from the load balancer")
        self.security_group.add_egress_rule(target, ec2.Port.tcp(port), "to the service")

    def route(self, services: Sequence[tuple[Manifest, elb.ApplicationTargetGroup]]) -> None:
        """Longest path first, so that a rule never hides a more particular one.

        A health checker sends no header, so its rule comes first; every other rule wants the edge's, and what
        comes without it gets 403.
        """
        settings = self.site.environment.load_balancer
        fallback, default = next((manifest, group) for manifest, group in services if manifest.default)
        through_the_edge = came_through_the_edge(self.site)
        secure = settings.protocol == "https"
        listener = self.resource.add_listener(
            "Listener",
            port=settings.port,
            protocol=elb.ApplicationProtocol.HTTPS if secure else elb.ApplicationProtocol.HTTP,
            certificates=[self.certificate] if self.certificate else None,
            ssl_policy=elb.SslPolicy.TLS13_RES if secure else None,
            open=False,
            default_action=elb.ListenerAction.fixed_response(
                403, content_type="application/json", message_body=FORBIDDEN
            ),
        )
        listener.add_action(
            "health",
            priority=1,
            conditions=[elb.ListenerCondition.path_patterns([fallback.health.path])],
            action=elb.ListenerAction.forward([default]),
        )
        by_length = sorted(
            (
                (chunk, manifest.name, group)
                for manifest, group in services
                for chunk in _chunks(sorted(manifest.paths, key=len, reverse=True))
            ),
            key=lambda entry: (-max(len(path) for path in entry[0]), entry[1]),
        )
        for priority, (paths, name, group) in enumerate(by_length, start=100):
            listener.add_action(
                f"{name}-{priority}",
                priority=priority,
                conditions=[through_the_edge, elb.ListenerCondition.path_patterns(paths)],
                action=elb.ListenerAction.forward([group]),
            )
        listener.add_action(
            "fallback",
            priority=LAST_PRIORITY,
            conditions=[through_the_edge],
            action=elb.ListenerAction.forward([default]),
        )


def _chunks(paths: list[str]) -> list[list[str]]:
    return [paths[start : start + VALUES_PER_RULE] for start in range(0, len(paths), VALUES_PER_RULE)]
