"""Findings of the policy packs that the edge area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged

STATE_ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        "Logs/Resource",
        "AwsSolutions::AwsSolutions-S1",
        "a bucket of logs that log delivery alone writes; to log its own writes would log without end",
    ),
    Acknowledged(
        "PreviousOriginSecret/Resource",
        "AwsSolutions::AwsSolutions-SMG4",
        "holds what the rotation of the other secret retires: that rotation writes it",
    ),
    Acknowledged(
        "OriginSecret/Resource",
        "AwsSolutions::AwsSolutions-SMG4",
        "rotated by a schedule of the edge stack, where the function can name the distribution",
    ),
)

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        "Distribution/Resource",
        "AwsSolutions::AwsSolutions-CFR1",
        "the firewall refuses the countries that edge.firewall.geography names; the platform serves all",
    ),
    Acknowledged(
        "Distribution/Resource",
        "AwsSolutions::AwsSolutions-CFR3",
        "logged by standard logging v2, whose delivery stands beside the distribution and not in it",
    ),
    *(
        Acknowledged(
            f"{construct}/Role/Resource",
            "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:logs:*:{account}:log-group:"
            f"/aws/lambda/us-east-1.{{prefix}}-{event}:*]",
            "an edge location logs to whichever region is nearest; the log group is the function's own",
        )
        for construct, event in (("OriginRequest", "origin-request"), ("OriginResponse", "origin-response"))
    ),
    Acknowledged(
        "Rotation/Function/Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        "elasticloadbalancing:Describe* and secretsmanager:GetRandomPassword know no resource",
    ),
    Acknowledged(
        "Rotation/Function/Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Resource::arn:aws:elasticloadbalancing:*:{account}:"
        "listener-rule/app/{prefix}/*]",
        "ids of rules are drawn when they are made; the statement is bound to the platform's balancers",
    ),
    Acknowledged(
        "Rotation/Function/Policy/Resource",
        "AwsSolutions::AwsSolutions-IAM5[Action::lambda:EnableReplication*]",
        "the action's own name ends in an asterisk (IAM permissions for Lambda@Edge)",
    ),
)
