"""What is counted of the history."""

from prometheus_client import CollectorRegistry, Counter, Histogram

# Seconds.
_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class HistoryMetrics:
    """Names of the history's metrics in the registry of the service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        self.rows = counter(
            "richesreach_history_rows_total", "Rows that the lake took, by dataset", "dataset"
        )
        self.files = counter(
            "richesreach_history_files_total", "Files that the lake took, by dataset", "dataset"
        )
        self.repeated = counter(
            "richesreach_history_repeated_rows_total",
            "Bars and indicators that came again and were left out, by dataset",
            "dataset",
        )
        self.void = counter(
            "richesreach_history_void_ticks_total",
            "Ticks of publishers that were succeeded before these came, which were left out",
        )
        self.gone = counter(
            "richesreach_history_gone_messages_total",
            "Messages that their topic had dropped before the lake had them, by dataset",
            "dataset",
        )
        self.unreadable = counter(
            "richesreach_history_unreadable_messages_total",
            "Messages that went to the dead letters, by dataset",
            "dataset",
        )
        self.writing = Histogram(
            "richesreach_history_write_duration_seconds",
            "Time that a take needed with the files that it wrote, in seconds, by dataset",
            ("dataset",),
            buckets=_BUCKETS,
            registry=registry,
        )
        self.bars = counter(
            "richesreach_history_bars_total",
            "Bars for the database by outcome: written, unknown (a symbol that the market does not list)",
            "outcome",
        )
