"""MSK: the brokers of a region, and who reads too slowly what they hold."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch

from stacks.base import Site
from stacks.manifest import Manifest
from stacks.monitoring.condition import BELOW, Condition, Severity
from stacks.monitoring.factory import AlarmFactory
from stacks.monitoring.service import MINUTE, named
from stacks.streaming.settings import DEAD_LETTERS, StreamingSettings

OFFLINE = Condition(
    "stream-partitions-offline",
    Severity.PAGE,
    "Partitions have no leader: what belongs there is neither written nor read.",
    datapoints=2,
)
CONTROLLER = Condition(
    "stream-no-controller",
    Severity.PAGE,
    "The cluster has no controller: nothing takes over from a broker that fails.",
    threshold=1,
    operator=BELOW,
)
UNDER_REPLICATED = Condition(
    "stream-under-replicated",
    Severity.TICKET,
    "Partitions have fewer copies than they should: one more broker away stops writes.",
    periods=15,
    datapoints=15,
)
DISK = Condition(
    "stream-disk",
    Severity.TICKET,
    "A broker's storage is nearly full, and stops it when it is.",
    threshold=85,
)
CPU = Condition(
    "stream-cpu",
    Severity.TICKET,
    "A broker is busier than AWS advises: the others could not take over its share.",
    threshold=60,
    periods=15,
    datapoints=12,
)
LAG = Condition(
    "consumer-lag",
    Severity.TICKET,
    "A consumer group falls behind its topic: what it makes of it is late.",
    periods=10,
    datapoints=10,
)
BURIED = Condition(
    "dead-letters",
    Severity.TICKET,
    "Messages went to the dead letters: somebody must look at them and send them again.",
    datapoints=1,
)

#: Levels of monitoring at which brokers tell of their partitions, and of each topic.
_OF_BROKERS = ("PER_BROKER", "PER_TOPIC_PER_BROKER", "PER_TOPIC_PER_PARTITION")
_OF_TOPICS = _OF_BROKERS[1:]


class StreamMetrics:
    """Metrics of a region's cluster: brokers are numbered from 1."""

    def __init__(self, site: Site, settings: StreamingSettings, manifests: Sequence[Manifest]) -> None:
        self.site = site
        self.settings = settings
        zones = len(site.environment.regions[site.region].availability_zones)
        self.brokers = range(1, zones * settings.brokers_per_zone + 1)
        #: Group and topic of everything that services of this region read in a group.
        self.readings = [
            (group, topic) for m in manifests for group, read in m.stream.groups.items() for topic in read
        ]

    def whole(self, name: str, statistic: str, **dimensions: str) -> cloudwatch.Metric:
        """A metric of the cluster, or of what else is named."""
        return cloudwatch.Metric(
            namespace="AWS/Kafka",
            metric_name=name,
            dimensions_map={"Cluster Name": self.site.names.stream_cluster}
            | {key.replace("_", " "): value for key, value in dimensions.items()},
            statistic=statistic,
            period=MINUTE,
            region=self.site.region,
        )

    def each(self, name: str, statistic: str, **dimensions: str) -> list[cloudwatch.Metric]:
        """A metric of each broker."""
        return [self.whole(name, statistic, Broker_ID=str(number), **dimensions) for number in self.brokers]

    def over_brokers(self, function: str, name: str, statistic: str) -> cloudwatch.MathExpression:
        """``MAX`` or ``SUM`` of the brokers' values."""
        using = named(self.each(name, statistic), "broker")
        return _math(f"{function}([{', '.join(using)}])", using, name)

    def busiest(self) -> cloudwatch.MathExpression:
        """Percent of CPU, of the system and of Kafka, that the busiest broker uses."""
        user, system = (
            named(self.each("CpuUser", "Average"), "u"),
            named(self.each("CpuSystem", "Average"), "s"),
        )
        sums = ", ".join(f"{one} + {other}" for one, other in zip(user, system, strict=True))
        return _math(f"MAX([{sums}])", {**user, **system}, "CPU")

    def lag(self, group: str, topic: str) -> cloudwatch.Metric:
        """Messages of a topic that a group has not read."""
        return self.whole("SumOffsetLag", "Maximum", Consumer_Group=group, Topic=topic)

    def buried(self) -> cloudwatch.MathExpression:
        """Messages a second that come into the dead letters."""
        using = named(self.each("MessagesInPerSec", "Average", Topic=DEAD_LETTERS), "broker")
        filled = ", ".join(f"FILL({broker}, 0)" for broker in using)
        return _math(f"SUM([{filled}])", using, "dead letters")


def _math(expression: str, using: dict[str, cloudwatch.IMetric], label: str) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(expression=expression, using_metrics=using, period=MINUTE, label=label)


def stream_alarms(factory: AlarmFactory, metrics: StreamMetrics) -> None:
    """What needs a finer level of monitoring than the environment has is not watched."""
    factory.alarm(OFFLINE, metrics.whole("OfflinePartitionsCount", "Maximum"))
    factory.alarm(CONTROLLER, metrics.whole("ActiveControllerCount", "Maximum"))
    factory.alarm(DISK, metrics.over_brokers("MAX", "KafkaDataLogsDiskUsed", "Maximum"))
    factory.alarm(CPU, metrics.busiest())
    level = metrics.settings.monitoring
    if level in _OF_BROKERS:
        factory.alarm(UNDER_REPLICATED, metrics.over_brokers("SUM", "UnderReplicatedPartitions", "Maximum"))
    if level in _OF_TOPICS:
        factory.alarm(BURIED, metrics.buried())
    for group, topic in metrics.readings:
        condition = LAG.at(metrics.settings.lag_messages)
        factory.alarm(condition, metrics.lag(group, topic), of=f"{group}-{topic}".replace(".", "-"))
