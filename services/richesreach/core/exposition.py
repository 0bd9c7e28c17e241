"""What `/metrics/` shows: of this process, or of all processes that share `PROMETHEUS_MULTIPROC_DIR`."""

import contextlib
import os
import struct
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_LOOKUPS = "richesreach_cache_lookups"
_RATIO = "richesreach_cache_hit_ratio"
_READS = 4


def shared_by_processes() -> bool:
    return bool(os.environ.get(VARIABLE))


def exposition(registry: CollectorRegistry) -> bytes:
    if not shared_by_processes():
        return generate_latest(registry)
    merged = CollectorRegistry()
    merged.register(_Merged())
    for _ in range(_READS - 1):
        # Another process has just made its file, or makes it longer: what is read then is half of it.
        with contextlib.suppress(ValueError, RuntimeError, OSError, struct.error):
            return generate_latest(merged)
    return generate_latest(merged)


def forget_this_process() -> None:
    """Take the gauges of a process that ends out of the sums; its counters stay."""
    if shared_by_processes():
        mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]  # the library leaves this one untyped


class _Merged(Collector):
    """All processes' metrics. A ratio of several processes is none of theirs: it is made of their counts."""

    def collect(self) -> Iterator[Metric]:
        reads: dict[str, list[float]] = {}
        collector = MultiProcessCollector(None)  # type: ignore[no-untyped-call]  # likewise
        for family in collector.collect():  # type: ignore[no-untyped-call]  # likewise
            if family.name == _RATIO:
                continue
            if family.name == _LOOKUPS:
                for sample in family.samples:
                    hit_and_all = reads.setdefault(sample.labels["cache"], [0.0, 0.0])
                    outcome = sample.labels["outcome"]
                    hit_and_all[0] += sample.value if outcome in {"local", "shared"} else 0
                    hit_and_all[1] += sample.value if outcome != "stale" else 0
            yield family
        ratio = GaugeMetricFamily(_RATIO, "Share of cache reads that found a value", labels=("cache",))
        for cache, (hits, total) in reads.items():
            ratio.add_metric((cache,), hits / total if total else 0.0)
        yield ratio
