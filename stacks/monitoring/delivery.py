"""Who watches the watchmen: alarms on the way that alarms take."""

from __future__ import annotations

from stacks.monitoring.backstage import function_alarms, queue_depth
from stacks.monitoring.condition import Condition, Severity
from stacks.monitoring.factory import AlarmFactory
from stacks.monitoring.notification import Notification

UNDELIVERED = Condition(
    "alarms-undelivered",
    Severity.PAGE,  # the page itself comes by e-mail: PagerDuty is what fails
    "Alarms could not be delivered to PagerDuty and wait in a queue.",
    periods=1,
    datapoints=1,
)


def delivery_alarms(factory: AlarmFactory, notification: Notification, of: str = "") -> None:
    """``of`` tells apart the two stacks that may stand in one region."""
    if notification.undelivered is not None:
        factory.alarm(UNDELIVERED, queue_depth(factory, notification.undelivered.queue_name), of=of)
    if notification.function is not None:
        function_alarms(factory, notification.function.function_name, of=f"{of or 'regional'}-pagerduty")
