"""Findings of the policy packs that monitoring accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged

_ROLE = "EdgeCanary/Role/DefaultPolicy/Resource"

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        _ROLE,
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
        "cloudwatch:PutMetricData knows no resource; the condition bounds it to the canaries' namespace",
    ),
    Acknowledged(
        _ROLE,
        "AwsSolutions::AwsSolutions-IAM5"
        "[Resource::arn:aws:s3:::{prefix}-logs-{account}-{region}/canaries/edge/*]",
        "a run names what it saw by its date and id; it writes below its own prefix alone",
    ),
    Acknowledged(
        _ROLE,
        "AwsSolutions::AwsSolutions-IAM5"
        "[Resource::arn:aws:logs:{region}:{account}:log-group:/aws/lambda/cwsyn-{prefix}-edge-*]",
        "Synthetics ends the name of a canary's function, and so of its log, with an id of its own",
    ),
)
