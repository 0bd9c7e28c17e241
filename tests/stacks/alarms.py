"""Alarms of a synthesised platform, as tests ask for them."""

from __future__ import annotations

from typing import Any

from stacks.yaml_file import ROOT
from tests.stacks.assembly import Assembly, Resource

RUNBOOKS = ROOT / "docs" / "runbooks"
KINDS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")


def alarms(assembly: Assembly, region: str, area: str = "monitoring") -> dict[str, Resource]:
    """Alarms of one stack by their name without the platform's prefix."""
    prefix = f"richesreach-{assembly.environment}-"
    return {
        resource.properties["AlarmName"].removeprefix(prefix): resource
        for kind in KINDS
        for resource in assembly.all(region, area, kind)
    }


def runbook(resource: Resource) -> str:
    """Name of the runbook that the alarm's description links to."""
    url: str = resource.properties["AlarmDescription"].rsplit(" Runbook: ", maxsplit=1)[1]
    return url.rsplit("/", maxsplit=1)[1].removesuffix(".md")


def severity(resource: Resource) -> str:
    text: str = resource.properties["AlarmDescription"]
    return text.split(" Severity: ", maxsplit=1)[1].split(".", maxsplit=1)[0]


def expression(resource: Resource) -> str:
    """The metric math that the alarm compares."""
    found: list[str] = [
        metric["Expression"]
        for metric in resource.properties["Metrics"]
        if metric.get("ReturnData") is not False and "Expression" in metric
    ]
    return found[0]


def stats(resource: Resource) -> list[dict[str, Any]]:
    """Every metric that the alarm's expression reads."""
    return [metric["MetricStat"] for metric in resource.properties["Metrics"] if "MetricStat" in metric]
