"""The alarms of one service in one region."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs

from stacks.monitoring.condition import BELOW, QUIET_IS_BAD, Condition, Severity
from stacks.monitoring.factory import AlarmFactory, any_of
from stacks.monitoring.service import ServiceMetrics
from stacks.monitoring.slo import burn_rate_alarms, indicators

TOO_FEW = "too-few-tasks"

HEALTHY = Condition(
    "healthy-tasks",
    Severity.COMPONENT,
    "Fewer tasks pass the load balancer's check than the manifest's minimum.",
    operator=BELOW,
    missing=QUIET_IS_BAD,  # a target group without a target stops reporting
    runbook=TOO_FEW,
)
RUNNING = Condition(
    "running-tasks",
    Severity.COMPONENT,
    "ECS runs fewer tasks than it should.",
    periods=15,
    datapoints=10,
    runbook=TOO_FEW,
)
DEPLOYING = Condition(
    "deploying",
    Severity.COMPONENT,
    "ECS replaces the service's tasks; what that does to their number tells nobody.",
    threshold=1,
    periods=1,
    datapoints=1,
    runbook=TOO_FEW,
)
TASKS = Condition(TOO_FEW, Severity.PAGE, "The service has fewer working tasks than it needs.")
IMPAIRED = Condition(
    "impaired",
    Severity.COMPONENT,
    "The service fails its users now: one of its pages is firing.",
    runbook="region-impaired",
)
CPU = Condition(
    "cpu-saturated", Severity.TICKET, "Scaling does not keep up with CPU.", 85, periods=15, datapoints=10
)
MEMORY = Condition(
    "memory-saturated", Severity.TICKET, "Tasks are close to being killed.", 90, periods=15, datapoints=10
)


def service_alarms(factory: AlarmFactory, metrics: ServiceMetrics) -> cloudwatch.CompositeAlarm:
    """Everything that watches one service; returns the composite that says whether it is impaired."""
    pages = [burn_rate_alarms(factory, indicator) for indicator in indicators(metrics)]
    pages.append(_tasks(factory, metrics))
    factory.alarm(CPU, metrics.ecs("CPUUtilization"), of=metrics.name)
    factory.alarm(MEMORY, metrics.ecs("MemoryUtilization"), of=metrics.name)
    for word in WORDS:
        factory.alarm(word.condition, word.metric(factory, metrics), of=metrics.name)
    return factory.composite(IMPAIRED, any_of(pages), of=metrics.name)


def _tasks(factory: AlarmFactory, metrics: ServiceMetrics) -> cloudwatch.CompositeAlarm:
    environment, of = metrics.site.environment, metrics.name
    alarms = [factory.alarm(HEALTHY.at(max(1, metrics.count.min)), metrics.healthy_hosts(), of=of)]
    suppressor = None
    if environment.services.container_insights:
        desired, running = metrics.insights("DesiredTaskCount"), metrics.insights("RunningTaskCount")
        missing = cloudwatch.MathExpression(
            expression="desired - running",
            using_metrics={"desired": desired, "running": running},
            period=desired.period,
            label="tasks missing",
        )
        alarms.append(factory.alarm(RUNNING, missing, of=of))
        if environment.monitoring.suppress_during_deployments:
            suppressor = factory.alarm(DEPLOYING, metrics.insights("DeploymentCount"), of=of)
    return factory.composite(TASKS, any_of(alarms), of=of, suppressor=suppressor)


class LogWord:
    """Lines of a service's log that match a pattern, counted, and the alarm on their number."""

    def __init__(self, condition: Condition, metric: str, pattern: logs.IFilterPattern) -> None:
        self.condition = condition
        self.metric_name = metric
        self.pattern = pattern

    def metric(self, factory: AlarmFactory, metrics: ServiceMetrics) -> cloudwatch.Metric:
        """Lines in five minutes; published only when there is one."""
        namespace = f"RichesReach/{metrics.site.environment.name}/{metrics.name}"
        logs.CfnMetricFilter(
            factory.scope,
            f"{metrics.name}-{self.condition.name}-filter",
            log_group_name=metrics.log_group,
            filter_pattern=self.pattern.log_pattern_string,
            metric_transformations=[
                logs.CfnMetricFilter.MetricTransformationProperty(
                    metric_namespace=namespace, metric_name=self.metric_name, metric_value="1", unit="Count"
                )
            ],
        )
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=self.metric_name,
            statistic="Sum",
            period=cdk.Duration.minutes(5),
            region=metrics.site.region,
            label=f"{metrics.name} {self.metric_name}",
        )


def _level(*levels: str) -> logs.IFilterPattern:
    return logs.FilterPattern.any(*(logs.FilterPattern.string_value("$.level", "=", word) for word in levels))


#: The fields are those of the services' own log lines (richesreach.core.logs and access_log).
WORDS = (
    LogWord(
        Condition(
            "log-errors",
            Severity.TICKET,
            "The service logs errors.",
            threshold=20,
            periods=3,
            datapoints=2,
        ),
        "LogErrors",
        _level("error", "critical"),
    ),
    LogWord(
        Condition(
            "log-panics",
            Severity.TICKET,
            "A process of the service died or raised what nothing caught.",
            periods=1,
            datapoints=1,
        ),
        "LogPanics",
        logs.FilterPattern.any_term("Fatal Python error", "MemoryError", "Segmentation fault", "Traceback"),
    ),
    LogWord(
        Condition(
            "auth-failures",
            Severity.TICKET,
            "Many requests are refused for who sent them: a broken client, an expired key, or guessing.",
            threshold=500,
            periods=3,
            datapoints=2,
        ),
        "AuthFailures",
        logs.FilterPattern.any(
            logs.FilterPattern.number_value("$.status", "=", 401),
            logs.FilterPattern.number_value("$.status", "=", 403),
        ),
    ),
)
