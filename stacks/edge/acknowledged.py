"""Findings of the policy packs that the edge area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged, each
from stacks.controls import (
    BUCKET_REPLICATION,
    DISTRIBUTION_LOG,
    FUNCTION_CONCURRENCY,
    FUNCTION_DEAD_LETTERS,
    FUNCTION_NETWORK,
    LAST_BUCKET,
    SECRET_ROTATION,
)
from stacks.datalake.acknowledged import LOGS_STAY
from stacks.function import APIS_ONLY

STATE_ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        "Logs/Resource",
        LAST_BUCKET,
        "a bucket of logs that log delivery alone writes; to log its own writes would log without end",
    ),
    Acknowledged("Logs/Resource", BUCKET_REPLICATION, LOGS_STAY),
    Acknowledged(
        "PreviousOriginSecret/Resource",
        SECRET_ROTATION,
        "holds what the rotation of the other secret retires: that rotation writes it",
    ),
    Acknowledged(
        "OriginSecret/Resource",
        SECRET_ROTATION,
        "rotated by a schedule of the edge stack, where the function can name the distribution",
    ),
    Acknowledged(
        "ServiceClient/Resource",
        SECRET_ROTATION,
        "Cognito makes a client's secret with the client: a new client takes the old one's place, and both"
        " are accepted meanwhile",
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
        DISTRIBUTION_LOG,
        "logged by standard logging v2, whose delivery stands beside the distribution and not in it",
    ),
    *(
        Acknowledged(
            f"{construct}/Policy/Resource",
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
    *each(
        (*FUNCTION_CONCURRENCY, *FUNCTION_DEAD_LETTERS, *FUNCTION_NETWORK),
        "Lambda@Edge has neither reserved concurrency, nor a dead-letter queue, nor a network",
        "OriginRequest/Function",
        "OriginResponse/Function",
    ),
    Acknowledged(
        "Rotation/Function/Function",
        FUNCTION_DEAD_LETTERS,
        "Secrets Manager calls it again by itself, and keeps the stage that it did not get past",
    ),
    Acknowledged("Rotation/Function/Function", FUNCTION_NETWORK, APIS_ONLY),
)
