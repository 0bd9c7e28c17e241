"""What is counted of the operator."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Seconds: a vector is there within tens of milliseconds, or the operator catches up.
_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0)


class StreamMetrics:
    """Names of the operator's metrics in the registry of the service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.ticks = Counter(
            "richesreach_stream_ticks_total",
            "Ticks that were taken, by outcome: entered, duplicate, late, ahead",
            ("outcome",),
            registry=registry,
        )
        self.outputs = Counter(
            "richesreach_stream_bars_total", "Bars that were published, of all intervals", registry=registry
        )
        self.vectors = Counter(
            "richesreach_stream_vectors_total",
            "Feature vectors for the cache by outcome: written, failed",
            ("outcome",),
            registry=registry,
        )
        self.delay = Histogram(
            "richesreach_stream_feature_delay_seconds",
            "Time from receiving the oldest tick of a take until its vector could be read, in seconds",
            buckets=_BUCKETS,
            registry=registry,
        )
        self.snapshots = Counter(
            "richesreach_stream_snapshots_total",
            "Snapshots by outcome: kept, failed",
            ("outcome",),
            registry=registry,
        )
        self.snapshot_age = Gauge(
            "richesreach_stream_snapshot_age_seconds",
            "Age of the oldest snapshot of the process's partitions that go on, in seconds",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.missing = Gauge(
            "richesreach_stream_missing_ticks",
            "Numbers of ticks of the process's partitions that never came",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.partitions = Gauge(
            "richesreach_stream_partitions",
            "Partitions that the process has",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.restarts = Counter(
            "richesreach_stream_restarts_total",
            "Times that the operator began anew from its snapshots, by why",
            ("why",),
            registry=registry,
        )
