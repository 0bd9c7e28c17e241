"""Findings of cdk-nag that are accepted, as data: where, exactly which, and why.

A finding that can be mended is mended instead. A path is matched whole, below the stack of its area.
"""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk

from stacks.base import PlatformStack


@dataclass(frozen=True)
class Acknowledged:
    """One accepted finding: an area, the construct's path in that area's stack, the exact id, the reason."""

    area: str
    path: str
    finding: str
    reason: str


_SECONDARY = "a secondary of a Global Datastore inherits it from the primary and must not name it"
_NETWORK_ONLY = "reachable from the platform's private networks alone; users of its own are not set up yet"

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged("global-db", "Cache/Group", "AwsSolutions::AwsSolutions-AEC6", _NETWORK_ONLY),
    Acknowledged("global-db", "Datastore/Group", "AwsSolutions::AwsSolutions-AEC6", _NETWORK_ONLY),
    Acknowledged("global-db", "Datastore/Group", "AwsSolutions::AwsSolutions-AEC3", _SECONDARY),
    Acknowledged("global-db", "Datastore/Group", "AwsSolutions::AwsSolutions-AEC5", _SECONDARY),
    Acknowledged(
        "global-db",
        "Credentials/Secret/Resource",
        "AwsSolutions::AwsSolutions-SMG4",
        "rotation for a global database must follow its writer; the secret is rotated by hand until then",
    ),
    Acknowledged(
        "ecs",
        "LoadBalancer/SecurityGroup/Resource",
        "AwsSolutions::AwsSolutions-EC23",
        "the origin of a public site: CloudFront connects from public addresses, over TLS only",
    ),
    *(
        Acknowledged(
            "ecs",
            f"{task}/Task/Resource",
            "AwsSolutions::AwsSolutions-ECS2",
            "plain variables hold endpoints and names; secrets come by reference from Secrets Manager",
        )
        for task in ("gateway", "gateway-migrate")
    ),
    *(
        Acknowledged(
            "ecs",
            f"{task}/Task/ExecutionRole/DefaultPolicy/Resource",
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            "ecr:GetAuthorizationToken knows no resource (service authorization reference of ECR)",
        )
        for task in ("gateway", "gateway-migrate")
    ),
    Acknowledged(
        "ecs",
        "gateway-migrate/Role/DefaultPolicy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:ecs:{region}:{account}:task/{prefix}/*]",
        "a task's id is made when it starts; the statement is bound to the platform's own cluster",
    ),
    Acknowledged(
        "edge",
        "Distribution/Resource",
        "AwsSolutions::AwsSolutions-CFR1",
        "the platform serves every country",
    ),
    Acknowledged(
        "edge",
        "Distribution/Resource",
        "AwsSolutions::AwsSolutions-CFR2",
        "no web ACL yet: the function at viewer-request blocks what is internal",
    ),
    Acknowledged(
        "edge",
        "Distribution/Resource",
        "AwsSolutions::AwsSolutions-CFR3",
        "the load balancers behind it log every request that reaches an origin",
    ),
)


def acknowledge(stack: PlatformStack) -> None:
    """Applies the entries of the stack's area to the constructs that exist in it."""
    site = stack.site
    for entry in ACKNOWLEDGED:
        construct = _find(stack, entry.path) if entry.area == stack.area else None
        if construct is None:
            continue
        finding = (
            entry.finding.replace("{region}", site.region)
            .replace("{account}", site.account)
            .replace("{prefix}", site.names.prefix)
        )
        cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=finding, reason=entry.reason))


def _find(stack: PlatformStack, path: str) -> cdk.CfnElement | None:
    node = stack.node
    found = None
    for part in path.split("/"):
        found = node.try_find_child(part)
        if found is None:
            return None
        node = found.node
    return found  # type: ignore[return-value]
