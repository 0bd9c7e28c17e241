"""What is deployed for one load balancer, as the ELBv2 API tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.local.aws import client
from ops.local.edge.probe import Matcher
from ops.local.edge.rules import Rule, rule_from


@dataclass(frozen=True)
class HealthCheck:
    """A target group's health check; `port` is a number or `traffic-port`, times are in seconds."""

    scheme: str
    port: str
    path: str
    interval: float
    timeout: float
    healthy: int
    unhealthy: int
    matcher: Matcher

    def port_of(self, target_port: int) -> int:
        """The port to probe for a target that serves on `target_port`."""
        return target_port if self.port == "traffic-port" else int(self.port)


@dataclass(frozen=True, order=True)
class Target:
    """A registered target: an address and the port it serves on."""

    id: str
    port: int


@dataclass(frozen=True)
class TargetGroup:
    """A target group with its registered targets; `deregistration_delay` in seconds."""

    arn: str
    name: str
    scheme: str
    check: HealthCheck
    targets: tuple[Target, ...]
    deregistration_delay: float


@dataclass(frozen=True)
class Listener:
    """A listener's port and its rules."""

    port: int
    protocol: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Balancer:
    """One load balancer; `idle_timeout` in seconds."""

    listeners: dict[int, Listener]
    groups: dict[str, TargetGroup]
    idle_timeout: float


def _attributes(described: Mapping[str, Any]) -> dict[str, str]:
    return {attribute["Key"]: attribute["Value"] for attribute in described["Attributes"]}


def _health_check(group: Mapping[str, Any]) -> HealthCheck:
    return HealthCheck(
        scheme=str(group.get("HealthCheckProtocol", "HTTP")).lower(),
        port=str(group.get("HealthCheckPort", "traffic-port")),
        path=str(group.get("HealthCheckPath", "/")),
        interval=float(group.get("HealthCheckIntervalSeconds", 30)),
        timeout=float(group.get("HealthCheckTimeoutSeconds", 5)),
        healthy=int(group.get("HealthyThresholdCount", 5)),
        unhealthy=int(group.get("UnhealthyThresholdCount", 2)),
        matcher=Matcher(str(group.get("Matcher", {}).get("HttpCode", "200"))),
    )


def _read_group(elbv2: Any, group: Mapping[str, Any]) -> TargetGroup:
    arn = group["TargetGroupArn"]
    described = elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    attributes = _attributes(elbv2.describe_target_group_attributes(TargetGroupArn=arn))
    targets = {Target(entry["Target"]["Id"], int(entry["Target"]["Port"])) for entry in described}
    return TargetGroup(
        arn=arn,
        name=group["TargetGroupName"],
        scheme=str(group.get("Protocol", "HTTP")).lower(),
        check=_health_check(group),
        targets=tuple(sorted(targets)),
        deregistration_delay=float(attributes.get("deregistration_delay.timeout_seconds", 300)),
    )


def _used_groups(listeners: Mapping[int, Listener]) -> set[str]:
    actions = [a for listener in listeners.values() for rule in listener.rules for a in rule.actions]
    weighted = {
        group["TargetGroupArn"]
        for action in actions
        for group in action.get("ForwardConfig", {}).get("TargetGroups") or ()
    }
    return {action["TargetGroupArn"] for action in actions if action.get("TargetGroupArn")} | weighted


def read(region: str, arn: str) -> Balancer:
    """Ask the local AWS for the load balancer. Raises what boto3 raises when it is away."""
    elbv2 = client("elbv2", region)
    attributes = _attributes(elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn))
    listeners = {}
    for listener in elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]:
        rules = elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
        port = int(listener["Port"])
        listeners[port] = Listener(port, listener["Protocol"], tuple(rule_from(rule) for rule in rules))
    used = _used_groups(listeners)
    # One call with a missing ARN among the filters would hide the others, so the region's groups are listed.
    described = elbv2.describe_target_groups()["TargetGroups"] if used else []
    groups = {
        group["TargetGroupArn"]: _read_group(elbv2, group)
        for group in described
        if group["TargetGroupArn"] in used
    }
    return Balancer(listeners, groups, float(attributes.get("idle_timeout.timeout_seconds", 60)))
