"""What the market's data tells in metrics, under the platform's names. Stages and sources are few."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Gauge

from richesreach.core.events.accounting import Sum
from richesreach.market_data.model import State
from richesreach.market_data.source import Report


class MarketMetrics:
    """Set about once a second by the task that publishes; the others' stay 0."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=registry, multiprocess_mode="livemostrecent")

        self.publishing = gauge(
            "richesreach_market_publishing", "1 in the task of the region that publishes ticks"
        )
        self.live = gauge("richesreach_market_source_live", "1 while an enabled source is live", "source")
        self.awaited = gauge(
            "richesreach_market_symbols_awaited",
            "Symbols that a source pushes and whose market is open: their ticks are due",
            "market",
        )
        self.waiting = gauge("richesreach_market_ticks_waiting", "Ticks that wait for the brokers")
        self.received = gauge(
            "richesreach_market_ticks", "Ticks that a stage has taken by now", "stage", "source"
        )
        self.missing = gauge(
            "richesreach_market_ticks_missing",
            "Ticks that never came to a stage, by their numbers",
            *("stage", "source"),
        )
        self.lost = gauge(
            "richesreach_market_ticks_lost",
            "Ticks that never came to a stage, and had come to the one before it",
            *("stage", "source"),
        )
        self.behind = gauge(
            "richesreach_market_ticks_behind",
            "Ticks by which a stage is behind the source",
            *("stage", "source"),
        )

        self.unknown = gauge(
            "richesreach_market_unknown_seconds",
            "Seconds of which nobody knows what a source said, as was told within the last hour",
            "source",
        )

    def publishes(self, sources: Iterable[Report], waiting: int) -> None:
        self.publishing.set(1)
        self.waiting.set(waiting)
        for source in sources:
            if source.state is not State.DISABLED:
                self.live.labels(source.name).set(source.state is State.LIVE)

    def awaits(self, symbols: Mapping[str, int]) -> None:
        """How many symbols, by market."""
        for market, number in symbols.items():
            self.awaited.labels(market).set(number)

    def knows_not(self, seconds: Mapping[str, float]) -> None:
        """For how many seconds, by source: of every one that may be asked about, 0 among them."""
        self.unknown.clear()
        for source, length in seconds.items():
            self.unknown.labels(source).set(length)

    def stands_by(self) -> None:
        """A task that publishes no more says nothing of sources."""
        self.publishing.set(0)
        self.waiting.set(0)
        for gauge in (self.live, self.awaited, self.received, self.missing, self.lost, self.behind):
            gauge.clear()
        self.unknown.clear()

    def stages(self, sums: Iterable[Sum]) -> None:
        reached: dict[str, int] = {}
        for one in sums:
            reached.setdefault(one.source, one.reached)
            labels = one.stage, one.source
            self.received.labels(*labels).set(one.received)
            self.missing.labels(*labels).set(one.missing)
            self.lost.labels(*labels).set(one.here)
            self.behind.labels(*labels).set(max(0, reached[one.source] - one.reached))
