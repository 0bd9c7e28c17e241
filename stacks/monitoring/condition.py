"""What an alarm watches for, apart from the metric: who is told, from what value on, after how long."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from aws_cdk import aws_cloudwatch as cloudwatch

ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD

#: Silence is good: a metric that is published only when something happens.
QUIET_IS_FINE = cloudwatch.TreatMissingData.NOT_BREACHING
#: Silence is bad: a metric that a healthy source publishes every minute.
QUIET_IS_BAD = cloudwatch.TreatMissingData.BREACHING
#: Silence says nothing: the alarm stays as it was.
QUIET_IS_UNKNOWN = cloudwatch.TreatMissingData.IGNORE


class Severity(StrEnum):
    """``page`` wakes somebody, ``ticket`` waits for working hours, ``component`` only feeds a composite."""

    PAGE = "page"
    TICKET = "ticket"
    COMPONENT = "component"


#: Severities that somebody is told of, each with a topic of its own.
TOLD = (Severity.PAGE, Severity.TICKET)


@dataclass(frozen=True)
class Condition:
    """``name`` ends the alarm's name and, unless ``runbook`` says otherwise, names its runbook.

    ``meaning`` is one sentence for whom the alarm wakes. ``datapoints`` of ``periods`` must breach.
    """

    name: str
    severity: Severity
    meaning: str
    threshold: float = 0
    operator: cloudwatch.ComparisonOperator = ABOVE
    periods: int = 5
    datapoints: int = 3
    missing: cloudwatch.TreatMissingData = QUIET_IS_FINE
    runbook: str = ""

    @property
    def page(self) -> str:
        """Name of the runbook, without its suffix."""
        return self.runbook or self.name

    def at(self, threshold: float) -> Condition:
        """The same condition with a threshold that only the caller knows."""
        return replace(self, threshold=threshold)


@dataclass(frozen=True)
class OwnAlert:
    """A condition of one kind of service, when it holds (PromQL), for how long it must, and what to say of
    its value."""

    condition: Condition
    expression: str
    pending: str
    reason: str
