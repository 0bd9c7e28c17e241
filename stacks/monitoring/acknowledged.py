"""Findings of the policy packs that monitoring accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged, each
from stacks.controls import ALARM_ACTION, FUNCTION_DEAD_LETTERS, FUNCTION_NETWORK
from stacks.function import APIS_ONLY

_PAGER = "Notification/PagerDuty/Function"
_INTERNET = "it calls PagerDuty on the internet and must do so when this very network is what fails"
_SERVICES = ("ai-router", "features", "gateway", "market-data")
_INNER = ("history", "stream")
_ROLE = "EdgeCanary/Policy/Resource"
_LOOKS = "Freshness/Function/Function"

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
    *each(
        ALARM_ACTION,
        "a component: it feeds the composite alarm that tells people, and alone would tell them twice",
        *(
            f"{service}-{indicator}-{window}"
            for service in _SERVICES
            for indicator in ("availability", "latency")
            for window in ("14_4x-1h", "14_4x-5m", "6x-6h", "6x-30m", "1x-3d", "1x-6h")
        ),
        *(f"{service}-healthy-tasks" for service in _SERVICES),
        *(f"{service}-running-tasks" for service in (*_SERVICES, *_INNER)),
    ),
    *each(
        ALARM_ACTION,
        "says that a deployment runs, and so holds other alarms back: nobody is to be told of it",
        *(f"{service}-deploying" for service in (*_SERVICES, *_INNER)),
    ),
    Acknowledged(_PAGER, FUNCTION_NETWORK, _INTERNET),
    Acknowledged(_LOOKS, FUNCTION_NETWORK, APIS_ONLY),
    Acknowledged(
        _LOOKS,
        FUNCTION_DEAD_LETTERS,
        "the next look, half an hour later, says what this one would have; failures and silence have alarms",
    ),
)

GLOBAL_ACKNOWLEDGED: tuple[Acknowledged, ...] = (Acknowledged(_PAGER, FUNCTION_NETWORK, _INTERNET),)
