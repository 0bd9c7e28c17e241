"""Service-level indicators and the alarms on the rate at which they spend their error budgets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.errors import ConfigurationError
from stacks.monitoring.burn_rate import FAST, SLOW, BurnRule, label, least_objective
from stacks.monitoring.condition import Condition, Severity
from stacks.monitoring.factory import AlarmFactory, all_of
from stacks.monitoring.service import ServiceMetrics, named

#: A manifest's latency objective is a p99: so many percent of requests must be as fast.
LATENCY_OBJECTIVE = 99.0


@dataclass(frozen=True)
class Indicator(ABC):
    """Percent of a service's requests that were bad, and the percent that must be good."""

    name: str
    metrics: ServiceMetrics
    objective: float

    def bad(self, period: cdk.Duration) -> cloudwatch.MathExpression:
        """Percent of bad requests over ``period``; 0 while there are too few requests to judge by."""
        return self._expression("IF(requests >= {least}, {bad}, 0)", period, f"{self.name}: bad (%)")

    def budget_left(self, period: cdk.Duration) -> cloudwatch.MathExpression:
        """Percent of the error budget that is left since the graph's start."""
        weighted = "RUNNING_SUM({bad} * requests / 100) / RUNNING_SUM(requests)"
        return self._expression(
            f"100 * (1 - 100 * {weighted} / {round(100 - self.objective, 6):g})",
            period,
            f"{self.metrics.site.region} {self.metrics.name} {self.name}: budget left (%)",
        )

    def _expression(self, frame: str, period: cdk.Duration, title: str) -> cloudwatch.MathExpression:
        using, bad = self._bad_percent(period)
        least = self.metrics.site.environment.monitoring.minimum_requests
        return cloudwatch.MathExpression(
            expression=frame.format(least=least, bad=bad),
            using_metrics={"requests": self.metrics.requests(period), **using},
            period=period,
            label=title,
        )

    @abstractmethod
    def _bad_percent(self, period: cdk.Duration) -> tuple[dict[str, cloudwatch.IMetric], str]:
        """Metrics by name, and the expression of them that gives percent."""


class Availability(Indicator):
    """Bad is an answer of 5xx."""

    def _bad_percent(self, period: cdk.Duration) -> tuple[dict[str, cloudwatch.IMetric], str]:
        return {"errors": self.metrics.errors(period)}, "(100 * FILL(errors, 0) / requests)"


class Latency(Indicator):
    """Bad is an answer slower than the manifest's objective: CloudWatch ranks it among the response times."""

    def _bad_percent(self, period: cdk.Duration) -> tuple[dict[str, cloudwatch.IMetric], str]:
        seconds = self.metrics.manifest.slo.latency_p99_ms / 1000
        ranks = self.metrics.of_targets("TargetResponseTime", f"PR(:{seconds:g})", period)
        using = named(ranks, "within")
        # A group without requests has no rank: it slows nobody down.
        fast = ", ".join(f"FILL({name}, 100)" for name in using)
        return using, f"(100 - {fast if len(using) == 1 else f'MIN([{fast}])'})"


def indicators(metrics: ServiceMetrics) -> tuple[Indicator, ...]:
    """Availability and latency of a service.

    Raises:
        ConfigurationError: the manifest's objective is so low that no alarm on it could ever fire.
    """
    objective = metrics.manifest.slo.availability
    if objective <= least_objective():
        raise ConfigurationError(
            f"services/richesreach/{metrics.name.replace('-', '_')}/service.yaml",
            "slo.availability",
            f"at {objective:g} % even a total outage burns the budget slower than the fastest alarm's rate",
            f"raise it above {least_objective():.2f}",
        )
    return (
        Availability("availability", metrics, objective),
        Latency("latency", metrics, LATENCY_OBJECTIVE),
    )


_WORDS = {"availability": "answers with 5xx", "latency": "answers later than its objective"}


def burn_rate_alarms(factory: AlarmFactory, indicator: Indicator) -> cloudwatch.CompositeAlarm:
    """A page for the fast rules and a ticket for the slow one; returns the page."""
    windows = _Windows(factory, indicator)
    page = windows.composite("fast", Severity.PAGE, FAST)
    windows.composite("slow", Severity.TICKET, SLOW)
    return page


class _Windows:
    """The window alarms of one indicator. Two rules may share a window, at different rates."""

    def __init__(self, factory: AlarmFactory, indicator: Indicator) -> None:
        self.factory = factory
        self.indicator = indicator
        self.service = indicator.metrics.name

    def composite(
        self, speed: str, severity: Severity, rules: Sequence[BurnRule]
    ) -> cloudwatch.CompositeAlarm:
        condition = Condition(
            f"{self.indicator.name}-{speed}-burn",
            severity,
            f"{self.service} {_WORDS[self.indicator.name]} and spends its error budget"
            f" {' or '.join(f'{rule.rate:g}' for rule in rules)} times faster than 30 days allow.",
        )
        pairs = [
            all_of([self._window(condition, rule, minutes) for minutes in (rule.long, rule.short)])
            for rule in rules
        ]
        return self.factory.composite(condition, cloudwatch.AlarmRule.any_of(*pairs), of=self.service)

    def _window(self, parent: Condition, rule: BurnRule, minutes: int) -> cloudwatch.Alarm:
        """One period as long as the window: CloudWatch slides it, a datapoint is the window's ratio."""
        condition = Condition(
            f"{self.indicator.name}-{rule.rate:g}x-{label(minutes)}".replace(".", "_"),
            Severity.COMPONENT,
            f"{self.service}: {self.indicator.name} budget burns above {rule.rate:g} over {label(minutes)}.",
            threshold=rule.threshold(self.indicator.objective),
            periods=1,
            datapoints=1,
            runbook=parent.page,
        )
        return self.factory.alarm(
            condition, self.indicator.bad(cdk.Duration.minutes(minutes)), of=self.service
        )
