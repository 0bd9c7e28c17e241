"""Findings of the policy packs that the edge area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        "Distribution/Resource",
        "AwsSolutions::AwsSolutions-CFR1",
        "the platform serves every country",
    ),
    Acknowledged(
        "Distribution/Resource",
        "AwsSolutions::AwsSolutions-CFR2",
        "no web ACL yet: the function at viewer-request blocks what is internal",
    ),
    Acknowledged(
        "Distribution/Resource",
        "AwsSolutions::AwsSolutions-CFR3",
        "the load balancers behind it log every request that reaches an origin",
    ),
)
