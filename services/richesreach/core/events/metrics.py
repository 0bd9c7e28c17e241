"""What is counted of the stream."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Seconds: a local broker acknowledges within 10 ms, and one that is being replaced takes seconds.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class EventMetrics:
    """Names of the stream's metrics in the registry of the service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def seconds(name: str, text: str, *labels: str, longer: tuple[float, ...] = ()) -> Histogram:
            return Histogram(
                name, f"{text}, in seconds", labels, buckets=_BUCKETS + longer, registry=registry
            )

        self.published = counter(
            "richesreach_events_published_total",
            "Messages that were to be published by topic and outcome: acknowledged, refused, unavailable",
            *("topic", "outcome"),
        )
        self.publishing = seconds(
            "richesreach_event_publish_duration_seconds",
            "Time until all replicas in sync had the message",
            "topic",
        )
        self.consumed = counter(
            "richesreach_events_consumed_total",
            "Messages by topic, group and outcome: handled, dead",
            *("topic", "group", "outcome"),
        )
        self.retried = counter(
            "richesreach_event_retries_total",
            "Further tries to handle a message by topic and group",
            *("topic", "group"),
        )
        self.handling = seconds(
            "richesreach_event_handle_duration_seconds",
            "Time that the handler took, with all its tries",
            *("topic", "group"),
        )
        self.delay = seconds(
            "richesreach_event_delay_seconds",
            "Time from publishing a message to its being handled",
            *("topic", "group"),
            longer=(60.0, 600.0),
        )
        self.dead_letters = counter(
            "richesreach_dead_letters_total",
            "Messages sent to the dead letters by topic, group and reason: undecodable, refused, failed",
            *("topic", "group", "reason"),
        )
        self.skipped = counter(
            "richesreach_tail_skipped_total",
            "Messages that a follower of a topic was too slow for, by topic",
            "topic",
        )
        self.lag = Gauge(
            "richesreach_consumer_lag_messages",
            "Messages of this process's partitions that it has not handled, by topic and group",
            ("topic", "group"),
            registry=registry,
            multiprocess_mode="livesum",
        )
