"""How many ticks one core takes from packed messages to packed feature vectors.

    .venv-services/bin/python tests/services/stream/operator_probe.py --symbols 5000 --rate 100000

Messages are made before the clock runs. Then every batch of stream time is decoded and folded into bars,
closed bars go through the indicators, and the vectors of all symbols that changed are packed. The process
keeps to one core; where others use it, too, the figure by cpu time says what the work itself took.
"""

import argparse
import cProfile
import gc
import os
import pstats
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[2] / "services")]

from richesreach.core.events.scaled import partition_of  # noqa: E402
from richesreach.core.events.schemas import PackedTick, TickBatch  # noqa: E402
from richesreach.core.vectors import ONLINE  # noqa: E402
from richesreach.stream import snapshot  # noqa: E402
from richesreach.stream.definitions import SECOND  # noqa: E402
from richesreach.stream.partition import Partition  # noqa: E402

NOON = 1_767_268_800 * SECOND
# Seconds with one tick of every symbol, after which every 1s indicator has a value.
WARM_UP = 55
Messages = list[tuple[int, bytes]]


class Feed:
    """A random walk of each symbol, in packed messages by partition."""

    def __init__(self, symbols: int, partitions: int, packed: int) -> None:
        self.names = [f"SYM{number}" for number in range(symbols)]
        self.partition = [partition_of(name, partitions) for name in self.names]
        self._partitions, self._packed = partitions, packed
        self._prices = np.full(symbols, 100 * 10**8)
        self._sequences = [0] * symbols
        self._offsets = [0] * partitions
        self._source = np.random.default_rng(7)

    def batch(self, symbols: list[int], times: list[int]) -> list[Messages]:
        """Messages of each partition for one tick of each symbol at each time."""
        moves = self._source.normal(0, 10**6, len(symbols)).astype(np.int64)
        np.add.at(self._prices, symbols, moves)
        ticks: list[list[PackedTick]] = [[] for _ in range(self._partitions)]
        for symbol, at, price in zip(symbols, times, self._prices[symbols].tolist(), strict=True):
            self._sequences[symbol] += 1
            ticks[self.partition[symbol]].append(
                PackedTick(
                    s=self.names[symbol],
                    q=self._sequences[symbol],
                    t=at,
                    r=at + 300_000,
                    p=max(1, price),
                    z=(1 + at % 90) * 10**8,
                )
            )
        return [self._messages(number, some) for number, some in enumerate(ticks)]

    def _messages(self, number: int, ticks: list[PackedTick]) -> Messages:
        messages = []
        for start in range(0, len(ticks), self._packed):
            batch = TickBatch(
                source="probe", venue="XNAS", licence="internal", ticks=ticks[start : start + self._packed]
            )
            messages.append((self._offsets[number], msgspec.json.encode(batch)))
            self._offsets[number] += 1
        return messages


def step(partitions: list[Partition], batch: list[Messages], spent: dict[str, float]) -> tuple[int, int]:
    """One batch through everything; the ticks that entered bars, and the vectors."""
    ticks = vectors = 0
    for partition, messages in zip(partitions, batch, strict=True):
        if messages:
            taken = partition.take(messages)
            began = time.process_time()
            vectors += len(partition.online.encode(taken.changed))
            spent["vectors"] += time.process_time() - began
            ticks += len(taken.ticks)
    return ticks, vectors


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (
        ("symbols", 5000),
        ("partitions", 4),
        ("rate", 100_000),
        ("seconds", 10),
        ("packed", 100),
        ("batch-ms", 50),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    feed = Feed(given.symbols, given.partitions, given.packed)
    partitions = [Partition() for _ in range(given.partitions)]
    everybody = list(range(given.symbols))
    for second in range(WARM_UP):
        at = NOON + second * SECOND
        step(partitions, feed.batch(everybody, [at] * given.symbols), {"vectors": 0.0})
    source = np.random.default_rng(11)
    count = given.rate * given.batch_ms // 1000
    batches = []
    for number in range(given.seconds * 1000 // given.batch_ms):
        begin = NOON + WARM_UP * SECOND + number * given.batch_ms * 1_000_000
        times = (begin + np.arange(count) * (SECOND // given.rate)).tolist()
        batches.append(feed.batch(source.integers(0, given.symbols, count).tolist(), times))
    measure(partitions, batches, given.profile)
    size_of_state(partitions)


def measure(partitions: list[Partition], batches: list[list[Messages]], profiled: bool) -> None:
    """Print what all batches took."""
    # A service does the same: nothing here makes cycles, and a collection walks through all that was decoded.
    gc.collect()
    gc.freeze()
    profile = cProfile.Profile(time.process_time)
    if profiled:
        profile.enable()
    spent = {"vectors": 0.0}
    took: dict[str, list[float]] = {"clock": [], "cpu": []}
    ticks = vectors = 0
    for batch in batches:
        wall, cpu = time.perf_counter(), time.process_time()
        some, packed = step(partitions, batch, spent)
        took["clock"].append(time.perf_counter() - wall)
        took["cpu"].append(time.process_time() - cpu)
        ticks, vectors = ticks + some, vectors + packed
    profile.disable()
    lines = [f"{ticks:,} ticks in {len(batches)} batches; {vectors:,} vectors of {ONLINE.size} bytes"]
    for name, times in took.items():
        p50, p99 = np.percentile(np.array(times) * 1000, [50, 99])
        rate = ticks / sum(times)
        lines.append(f"by {name:6}{rate:9,.0f} ticks/s; a batch: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    lines.append(f"packing vectors is {spent['vectors'] / sum(took['cpu']):.0%} of it")
    sys.stdout.write("\n".join(lines) + "\n")
    if profiled:
        pstats.Stats(profile).sort_stats("tottime").print_stats(22)


def size_of_state(partitions: list[Partition]) -> None:
    with TemporaryDirectory() as folder:
        began, cpu = time.perf_counter(), time.process_time()
        size = snapshot.write(Path(folder) / "snapshot", dict(enumerate(partitions)))
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        sys.stdout.write(
            f"snapshot of {size / 2**20:.0f} MiB: {wall * 1000:.0f} ms, {cpu * 1000:.0f} ms of cpu\n"
        )


if __name__ == "__main__":
    main()
