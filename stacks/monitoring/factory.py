"""One factory names, describes, aims and silences every alarm: policy is written here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.base import Site
from stacks.monitoring.condition import Condition, Severity

Made = TypeVar("Made", bound=cloudwatch.AlarmBase)

Actions = Mapping[Severity, cloudwatch.IAlarmAction]

#: How long a composite waits for its suppressor to say that a deployment runs, and how long it goes on
#: holding its peace after the deployment ended.
SUPPRESSION_WAIT = cdk.Duration.minutes(2)
SUPPRESSION_EXTENSION = cdk.Duration.minutes(3)

#: CloudWatch evaluates over at most a day where the period is below an hour, over at most seven days else
#: (PutMetricAlarm, CloudWatch API reference).
HOUR, DAY, WEEK = 3600, 86_400, 604_800


class AlarmFactory:
    """Alarms are called ``<prefix>[-<of>]-<condition>``; a page and a ticket each have their own topic.

    ``of`` tells apart what one condition watches several times, such as the services of a region.
    """

    def __init__(self, scope: Construct, site: Site, actions: Actions) -> None:
        self.scope = scope
        self.site = site
        self.actions = actions
        self.made: list[cloudwatch.AlarmBase] = []

    def alarm(self, condition: Condition, metric: cloudwatch.IMetric, of: str = "") -> cloudwatch.Alarm:
        """An alarm on a metric or on metric math.

        Raises:
            ValueError: its evaluation reaches further back than CloudWatch looks.
        """
        self._check_range(condition, metric)
        alarm = cloudwatch.Alarm(
            self.scope,
            self._identifier(condition, of),
            alarm_name=self.name(condition, of),
            alarm_description=self.description(condition),
            metric=metric,
            comparison_operator=condition.operator,
            threshold=condition.threshold,
            evaluation_periods=condition.periods,
            datapoints_to_alarm=condition.datapoints,
            treat_missing_data=condition.missing,
        )
        return self._act(condition, alarm)

    def band(
        self, condition: Condition, metric: cloudwatch.Metric, deviations: float, of: str = ""
    ) -> cloudwatch.AnomalyDetectionAlarm:
        """An alarm on a metric that leaves the band CloudWatch expects it in."""
        alarm = cloudwatch.AnomalyDetectionAlarm(
            self.scope,
            self._identifier(condition, of),
            alarm_name=self.name(condition, of),
            alarm_description=self.description(condition),
            metric=metric,
            std_devs=deviations,
            comparison_operator=condition.operator,
            evaluation_periods=condition.periods,
            datapoints_to_alarm=condition.datapoints,
            treat_missing_data=condition.missing,
        )
        return self._act(condition, alarm)

    def composite(
        self,
        condition: Condition,
        rule: cloudwatch.IAlarmRule,
        of: str = "",
        suppressor: cloudwatch.IAlarm | None = None,
    ) -> cloudwatch.CompositeAlarm:
        """An alarm on the states of others; while ``suppressor`` is in ALARM it tells nobody."""
        alarm = cloudwatch.CompositeAlarm(
            self.scope,
            self._identifier(condition, of),
            composite_alarm_name=self.name(condition, of),
            alarm_description=self.description(condition),
            alarm_rule=rule,
            actions_suppressor=suppressor,
            actions_suppressor_wait_period=SUPPRESSION_WAIT if suppressor else None,
            actions_suppressor_extension_period=SUPPRESSION_EXTENSION if suppressor else None,
        )
        return self._act(condition, alarm)

    def name(self, condition: Condition, of: str = "") -> str:
        return f"{self.site.names.prefix}-{self._identifier(condition, of)}"

    def description(self, condition: Condition) -> str:
        base = self.site.environment.monitoring.runbook_base_url.rstrip("/")
        return (
            f"{condition.meaning} Region: {self.site.region}. Severity: {condition.severity}."
            f" Runbook: {base}/{condition.page}.md"
        )

    @staticmethod
    def _identifier(condition: Condition, of: str) -> str:
        return f"{of}-{condition.name}" if of else condition.name

    def _act(self, condition: Condition, alarm: Made) -> Made:
        if condition.severity in self.actions:
            alarm.add_alarm_action(self.actions[condition.severity])
            alarm.add_ok_action(self.actions[condition.severity])
        self.made.append(alarm)
        return alarm

    @staticmethod
    def _check_range(condition: Condition, metric: cloudwatch.IMetric) -> None:
        if not isinstance(metric, cloudwatch.Metric | cloudwatch.MathExpression):
            return
        seconds = metric.period.to_seconds()
        limit = DAY if seconds < HOUR else WEEK
        if seconds * condition.periods > limit:
            raise ValueError(
                f"{condition.name}: {condition.periods} periods of {seconds} s exceed the {limit} s"
                " over which CloudWatch evaluates"
            )


def any_of(alarms: Sequence[cloudwatch.IAlarm]) -> cloudwatch.IAlarmRule:
    """At least one is in ALARM."""
    return cloudwatch.AlarmRule.any_of(*(_firing(alarm) for alarm in alarms))


def all_of(alarms: Sequence[cloudwatch.IAlarm]) -> cloudwatch.IAlarmRule:
    """Every one is in ALARM."""
    return cloudwatch.AlarmRule.all_of(*(_firing(alarm) for alarm in alarms))


def _firing(alarm: cloudwatch.IAlarm) -> cloudwatch.IAlarmRule:
    return cloudwatch.AlarmRule.from_alarm(alarm, cloudwatch.AlarmState.ALARM)
