"""What the service counts of features, under the platform's names."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

from richesreach.core.metrics import Tally
from richesreach.features.online import OnlineFeatures
from richesreach.features.watching import Watch, ages


class FeatureMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.reads = Counter(
            "richesreach_feature_reads_total",
            "Vectors that were asked for by view and outcome: fresh, stale, closed (the market is), missing",
            ("view", "outcome"),
            registry=registry,
        )
        self.unreadable = Counter(
            "richesreach_feature_vectors_unreadable_total",
            "Values in the cache that are no vector of the layout of their key",
            registry=registry,
        )
        self.age = Gauge(
            "richesreach_feature_age_seconds",
            "Age by event time of the newest and of the oldest live vector of the region",
            ("vector",),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.recorded = Counter(
            "richesreach_feature_rows_recorded_total",
            "Online vectors that this task kept offline",
            registry=registry,
        )

    def watch(self, online: OnlineFeatures, watch: Watch) -> Callable[[], None]:
        """What takes in their counts; call it before the metrics are read."""
        reads = Tally(self.reads, lambda: online.counts)
        told = {self.unreadable: 0, self.recorded: 0}

        def take() -> None:
            reads()
            for counter, number in ((self.unreadable, online.unreadable), (self.recorded, watch.recorded)):
                counter.inc(number - told[counter])
                told[counter] = number
            for vector, age in ages(watch).items():
                self.age.labels(vector).set(age)

        return take
