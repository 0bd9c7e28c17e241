"""The front door of a region: its load balancer, its NAT gateways, its certificate."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.monitoring.condition import BELOW, QUIET_IS_UNKNOWN, Condition, Severity
from stacks.monitoring.factory import AlarmFactory
from stacks.monitoring.service import MINUTE, named

FRONT_DOOR = Condition(
    "front-door-errors",
    Severity.PAGE,
    "More than 1 % of requests end at the load balancer itself: no target took them.",
    threshold=1,
)
REJECTED = Condition(
    "connections-rejected",
    Severity.PAGE,
    "The load balancer refuses connections: it has reached its own limit.",
)
TARGET_CONNECTIONS = Condition(
    "target-connections",
    Severity.TICKET,
    "The load balancer cannot connect to tasks that it holds for healthy.",
    threshold=10,
)
TLS = Condition(
    "tls-errors", Severity.TICKET, "Clients fail to agree on TLS with the load balancer.", threshold=50
)
REQUESTS_BAND = Condition(
    "requests-anomaly",
    Severity.TICKET,
    "Traffic is far from what this hour of the week usually brings.",
    operator=cloudwatch.ComparisonOperator.LESS_THAN_LOWER_OR_GREATER_THAN_UPPER_THRESHOLD,
    missing=QUIET_IS_UNKNOWN,
)
LATENCY_BAND = Condition(
    "latency-anomaly",
    Severity.TICKET,
    "Answers are slower than this hour of the week usually has them.",
    operator=cloudwatch.ComparisonOperator.GREATER_THAN_UPPER_THRESHOLD,
)
NAT_PORTS = Condition(
    "nat-ports",
    Severity.TICKET,
    "A NAT gateway has no port left towards one destination: outward calls fail.",
)
CERTIFICATE = Condition(
    "certificate-expiry",
    Severity.TICKET,
    "A certificate was not renewed although ACM should have done so.",
    operator=BELOW,
    periods=1,
    datapoints=1,
    missing=QUIET_IS_UNKNOWN,
)


class FrontDoor:
    """Metrics of one region's load balancer, by its full name."""

    def __init__(self, region: str, balancer: str) -> None:
        self.region = region
        self.balancer = balancer

    def metric(self, name: str, statistic: str = "Sum") -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/ApplicationELB",
            metric_name=name,
            dimensions_map={"LoadBalancer": self.balancer},
            statistic=statistic,
            period=MINUTE,
            region=self.region,
            label=f"{self.region} {name}",
        )

    def failed(self) -> cloudwatch.MathExpression:
        """Percent of requests that the load balancer answered itself with 5xx."""
        return cloudwatch.MathExpression(
            # Requests that no target took are not in RequestCount of a group, but in the balancer's own.
            expression="IF(requests + refused > 0, 100 * refused / (requests + refused), 0)",
            using_metrics={
                "refused": self.metric("HTTPCode_ELB_5XX_Count"),
                "requests": self.metric("RequestCount"),
            },
            period=MINUTE,
            label=f"{self.region} 5xx of the load balancer (%)",
        )


def front_door_alarms(factory: AlarmFactory, door: FrontDoor, deviations: float | None) -> cloudwatch.Alarm:
    """Alarms of the load balancer; returns the one on its own errors."""
    errors = factory.alarm(FRONT_DOOR, door.failed())
    factory.alarm(REJECTED, door.metric("RejectedConnectionCount"))
    factory.alarm(TARGET_CONNECTIONS, door.metric("TargetConnectionErrorCount"))
    factory.alarm(TLS, door.metric("ClientTLSNegotiationErrorCount"))
    if deviations is not None:
        factory.band(REQUESTS_BAND, door.metric("RequestCount"), deviations)
        factory.band(LATENCY_BAND, door.metric("TargetResponseTime", "p99"), deviations)
    return errors


def nat_alarm(factory: AlarmFactory, gateways: Sequence[str]) -> None:
    """One alarm over all NAT gateways of a region."""
    if not gateways:
        return
    using = named([_nat(factory.site.region, gateway) for gateway in gateways], "gateway")
    factory.alarm(
        NAT_PORTS,
        cloudwatch.MathExpression(
            expression=f"SUM([{', '.join(f'FILL({name}, 0)' for name in using)}])",
            using_metrics=using,
            period=MINUTE,
            label="ports that could not be allocated",
        ),
    )


def _nat(region: str, gateway: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/NATGateway",
        metric_name="ErrorPortAllocation",
        dimensions_map={"NatGatewayId": gateway},
        statistic="Sum",
        period=MINUTE,
        region=region,
    )


def certificate_alarm(factory: AlarmFactory, certificate: str, days: int, of: str) -> None:
    """``certificate`` is the ARN of an ACM certificate in the factory's region."""
    metric = cloudwatch.Metric(
        namespace="AWS/CertificateManager",
        metric_name="DaysToExpiry",
        dimensions_map={"CertificateArn": certificate},
        statistic="Minimum",
        period=cdk.Duration.days(1),
        region=factory.site.region,
        label=f"{of}: days to expiry",
    )
    factory.alarm(CERTIFICATE.at(days), metric, of=of)
