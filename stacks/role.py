"""Roles whose every grant stands in a managed policy: AWS Config, Access Analyzer and people list those."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct


def granted_role(
    scope: Construct,
    *,
    assumed_by: iam.IPrincipal,
    description: str,
    statements: Sequence[iam.PolicyStatement] = (),
    name: str = "",
) -> tuple[iam.IRole, iam.ManagedPolicy]:
    """Constructs ``<name>Role`` and ``<name>Policy`` of ``scope``.

    The CDK adds nothing to the role by itself, which would be an inline policy; grants go to the policy, and
    who needs them at birth depends on the policy too.
    """
    role = iam.Role(scope, f"{name}Role", assumed_by=assumed_by)
    policy = iam.ManagedPolicy(
        scope, f"{name}Policy", description=description, roles=[role], statements=list(statements)
    )
    return role.without_policy_updates(), policy
