"""What is counted of the stream."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Seconds: a local broker acknowledges within 10 ms, and one that is being replaced takes seconds.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class EventMetrics:
    """Names of the stream's metrics in the registry of the service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.published = Counter(
            "richesreach_events_published_total",
            "Messages that were to be published by topic and outcome: acknowledged, refused, unavailable",
            ("topic", "outcome"),
            registry=registry,
        )
        self.publishing = Histogram(
            "richesreach_event_publish_duration_seconds",
            "Time until all replicas in sync had the message, in seconds",
            ("topic",),
            buckets=_BUCKETS,
            registry=registry,
        )
        self.consumed = Counter(
            "richesreach_events_consumed_total",
            "Messages by topic, group and outcome: handled, dead",
            ("topic", "group", "outcome"),
            registry=registry,
        )
        self.retried = Counter(
            "richesreach_event_retries_total",
            "Further tries to handle a message by topic and group",
            ("topic", "group"),
            registry=registry,
        )
        self.handling = Histogram(
            "richesreach_event_handle_duration_seconds",
            "Time that the handler took, with all its tries, in seconds",
            ("topic", "group"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self.delay = Histogram(
            "richesreach_event_delay_seconds",
            "Time from publishing a message to its being handled, in seconds",
            ("topic", "group"),
            buckets=(*_BUCKETS, 60.0, 600.0),
            registry=registry,
        )
        self.dead_letters = Counter(
            "richesreach_dead_letters_total",
            "Messages sent to the dead letters by topic, group and reason: undecodable, refused, failed",
            ("topic", "group", "reason"),
            registry=registry,
        )
        self.lag = Gauge(
            "richesreach_consumer_lag_messages",
            "Messages of this process's partitions that it has not handled, by topic and group",
            ("topic", "group"),
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.skipped = Counter(
            "richesreach_tail_skipped_total",
            "Messages that a follower of a topic was too slow for, by topic",
            ("topic",),
            registry=registry,
        )
