"""The alarms of one service in one region."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.monitoring.condition import BELOW, QUIET_IS_BAD, Condition, Severity
from stacks.monitoring.factory import AlarmFactory, any_of
from stacks.monitoring.log_words import words
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
    """Everything that watches one service that viewers reach; returns the composite that says whether it is
    impaired."""
    pages = [burn_rate_alarms(factory, indicator) for indicator in indicators(metrics)]
    healthy = factory.alarm(HEALTHY.at(max(1, metrics.count.min)), metrics.healthy_hosts(), of=metrics.name)
    pages += _tasks(factory, metrics, [healthy])
    _work(factory, metrics)
    return factory.composite(IMPAIRED, any_of(pages), of=metrics.name)


def inner_service_alarms(factory: AlarmFactory, metrics: ServiceMetrics) -> None:
    """What watches a service that no viewer reaches from outside: no load balancer asks its tasks, and its
    objectives are rules over its own metrics (`rules.py`)."""
    _tasks(factory, metrics, [])
    _work(factory, metrics)


def _work(factory: AlarmFactory, metrics: ServiceMetrics) -> None:
    factory.alarm(CPU, metrics.ecs("CPUUtilization"), of=metrics.name)
    factory.alarm(MEMORY, metrics.ecs("MemoryUtilization"), of=metrics.name)
    for word in words(metrics.manifest):
        factory.alarm(word.condition, word.metric(factory, metrics), of=metrics.name)


def _tasks(
    factory: AlarmFactory, metrics: ServiceMetrics, alarms: list[cloudwatch.Alarm]
) -> list[cloudwatch.CompositeAlarm]:
    """The page on too few tasks; none where nothing counts them."""
    environment, of = metrics.site.environment, metrics.name
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
    return [factory.composite(TASKS, any_of(alarms), of=of, suppressor=suppressor)] if alarms else []
