"""The load balancer of a region: one listener, one rule for each service's paths."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.base import Site
from stacks.ecs.admission import admit_by_list, came_through_the_edge
from stacks.manifest import Manifest
from stacks.network.stack import PUBLIC

#: Priority of the rule that Route 53's health checkers take: before every other.
HEALTH_PRIORITY = 10

#: Weights of a rule's two target groups at birth; a blue/green deployment exchanges them.
ALL, NONE = 100, 0

FORBIDDEN = (
    '{"type":"about:blank","title":"Forbidden","status":403,"detail":"this platform answers at its edge"}'
)


class LoadBalancer(Construct):
    """``rule`` is called once for each service that viewers reach."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        vpc: ec2.IVpc,
        certificate: acm.ICertificate | None,
        log_key: kms.IKey,
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
        self.resource = self._resource(vpc, log_key)
        self.listener = self._listener(certificate)

    def _resource(self, vpc: ec2.IVpc, log_key: kms.IKey) -> elb.ApplicationLoadBalancer:
        """A viewer's address is added to what CloudFront says of it; connections outlive idle requests."""
        site = self.site
        settings = site.environment.load_balancer
        resource = elb.ApplicationLoadBalancer(
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
            http2_enabled=True,
            waf_fail_open=False,
            xff_header_processing_mode=elb.XffHeaderProcessingMode.APPEND,
            idle_timeout=cdk.Duration.seconds(settings.idle_timeout_seconds),
            client_keep_alive=cdk.Duration.seconds(settings.keep_alive_seconds),
        )
        if settings.managed_prefix_lists:
            own = admit_by_list(self, site=site, vpc=vpc, group=self.security_group, log_key=log_key)
            # Not among the construct's own groups: each service would admit it beside the other.
            groups = [group.security_group_id for group in (self.security_group, own)]
            if isinstance(resource.node.default_child, elb.CfnLoadBalancer):
                resource.node.default_child.security_groups = groups
        for log in ("access", "connection"):
            resource.set_attribute(f"{log}_logs.s3.enabled", "true")
            resource.set_attribute(f"{log}_logs.s3.bucket", site.names.log_bucket(site.account, site.region))
            resource.set_attribute(f"{log}_logs.s3.prefix", "load-balancer")
        return resource

    def _listener(self, certificate: acm.ICertificate | None) -> elb.ApplicationListener:
        """The default service's rule matches every path: what no rule takes came past the edge."""
        settings = self.site.environment.load_balancer
        secure = settings.protocol == "https"
        return self.resource.add_listener(
            "Listener",
            port=settings.port,
            protocol=elb.ApplicationProtocol.HTTPS if secure else elb.ApplicationProtocol.HTTP,
            certificates=[certificate] if certificate else None,
            ssl_policy=elb.SslPolicy.TLS13_RES if secure else None,
            open=False,
            default_action=elb.ListenerAction.fixed_response(
                403, content_type="application/json", message_body=FORBIDDEN
            ),
        )

    def admit(self, target: ec2.SecurityGroup, port: int) -> None:
        """Lets the load balancer, and nothing else, reach a service's port."""
        target.add_ingress_rule(self.security_group, ec2.Port.tcp(port), "from the load balancer")
        self.security_group.add_egress_rule(target, ec2.Port.tcp(port), "to the service")

    def rule(
        self, manifest: Manifest, groups: list[elb.ApplicationTargetGroup]
    ) -> elb.ApplicationListenerRule:
        """The one rule of a service, that a deployment moves from one of its groups to the other."""
        return elb.ApplicationListenerRule(
            self,
            f"{manifest.name}-rule",
            listener=self.listener,
            priority=manifest.priority,
            conditions=self._conditions(manifest.rule_paths),
            action=_forward(groups),
        )

    def health_rule(
        self, manifest: Manifest, groups: list[elb.ApplicationTargetGroup]
    ) -> elb.ApplicationListenerRule:
        """The health check's path of the default service, for checkers that send no header of ours.

        A blue/green deployment moves it as its test rule: the checkers meet a revision before viewers do.
        """
        return elb.ApplicationListenerRule(
            self,
            "health-rule",
            listener=self.listener,
            priority=HEALTH_PRIORITY,
            conditions=[elb.ListenerCondition.path_patterns([manifest.health.path])],
            action=_forward(groups),
        )

    def _conditions(self, paths: list[str]) -> list[elb.ListenerCondition]:
        """What a request to a service must satisfy; all conditions together hold at most five values."""
        return [came_through_the_edge(self.site), elb.ListenerCondition.path_patterns(paths)]


def _forward(groups: list[elb.ApplicationTargetGroup]) -> elb.ListenerAction:
    if len(groups) == 1:
        return elb.ListenerAction.forward(groups)
    return elb.ListenerAction.weighted_forward(
        [
            elb.WeightedTargetGroup(target_group=group, weight=weight)
            for group, weight in zip(groups, (ALL, NONE), strict=True)
        ]
    )
