"""What Managed Prometheus does with an alert that fires: the region's two topics, in the words of an alarm.

An alert is told in the shape in which CloudWatch tells of an alarm, so that whoever reads the topics, such as
`lambda/pagerduty`, knows one shape: what it is called, whether it fires, and where its runbook is.
"""

from __future__ import annotations

from typing import Any

import yaml

from stacks.base import Site
from stacks.monitoring.condition import TOLD, Severity

#: One group is one alert, as each has a name of its own; its texts hold no quote (a test of the rules).
MESSAGE = (
    '{{ define "sns.default.message" }}{"AlarmName":"{{ .GroupLabels.alertname }}",'
    '"NewStateValue":"{{ if eq .Status "firing" }}ALARM{{ else }}OK{{ end }}",'
    '"AlarmDescription":"{{ .CommonAnnotations.description }}",'
    '"NewStateReason":"{{ .CommonAnnotations.reason }}"}{{ end }}'
)
SUBJECT = (
    '{{ define "sns.default.subject" }}{{ if eq .Status "firing" }}ALARM{{ else }}OK{{ end }}: '
    "{{ .GroupLabels.alertname }}{{ end }}"
)

#: While an alert fires it is told again as often; Managed Prometheus takes five days at most.
REPEAT = "1d"


def definition(site: Site) -> str:
    """The workspace's alert manager definition, YAML in YAML as Managed Prometheus wants it."""
    config: dict[str, Any] = {
        "templates": ["default_template"],
        "route": {
            "receiver": Severity.TICKET.value,
            "group_by": ["alertname"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": REPEAT,
            "routes": [{"receiver": Severity.PAGE.value, "matchers": [f'severity="{Severity.PAGE}"']}],
        },
        "receivers": [_receiver(site, severity) for severity in TOLD],
    }
    return yaml.safe_dump(
        {
            "template_files": {"default_template": f"{MESSAGE}\n{SUBJECT}\n"},
            "alertmanager_config": yaml.safe_dump(config, sort_keys=False),
        },
        sort_keys=False,
        width=10_000,  # a folded line would be another text
    )


def _receiver(site: Site, severity: Severity) -> dict[str, Any]:
    """By the topic's name: the workspace is there before the stack that makes the topics."""
    topic = f"arn:aws:sns:{site.region}:{site.account}:{site.names.topic(severity)}"
    return {
        "name": severity.value,
        "sns_configs": [{"topic_arn": topic, "sigv4": {"region": site.region}, "send_resolved": True}],
    }
