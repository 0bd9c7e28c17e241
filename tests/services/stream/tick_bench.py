"""From a trade to a vector that can be read, through broker and operator: prints one line of JSON.

    .venv-services/bin/python tests/services/stream/tick_bench.py --rate 100000 --seconds 60

A broker, a cache, a source and the operator run as processes of their own; this one looks at the vectors of
some symbols every two milliseconds. The time of a trade is that of the clock it was due by. The broker is
tansu, or Apache Kafka where `ops/kafka` has fetched it: tansu looks through all batches that it holds with
each fetch, and takes more of the processors every second.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [
    str(HERE),
    str(HERE.parent),
    str(HERE.parents[1] / "kafka"),
    str(HERE.parents[2] / "services"),
]

import kafka_server  # noqa: E402
import stream_servers  # noqa: E402
from cache_servers import CacheServer  # noqa: E402
from loopback import die_with_parent, own_address  # noqa: E402
from processor_time import shares, spent  # noqa: E402
from redis import Redis  # noqa: E402
from richesreach.core.cache import Nodes  # noqa: E402
from richesreach.core.endpoints import Endpoint  # noqa: E402
from richesreach.core.events import accounting  # noqa: E402
from richesreach.core.events.topics import TOPICS  # noqa: E402
from richesreach.core.vectors import ONLINE  # noqa: E402
from richesreach.market_data.packing import LINGER  # noqa: E402
from vector_reader import Watch  # noqa: E402

SECOND = 10**9


class Process:
    """A program that answers lines with lines of JSON."""

    def __init__(self, program: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / program), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=die_with_parent,  # noqa: PLW1509
            text=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def begin(self, **said: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(said) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """The next line that is JSON: a service logs, too."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                return found
        raise RuntimeError(f"the process ended with {self._process.wait()}")

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(60)
        finally:
            self._process.kill()


class Bench:
    def __init__(
        self, given: argparse.Namespace, kafka: str, broker: int, cache: CacheServer, folder: str
    ) -> None:
        self._given, self._cache = given, cache
        self.operator = Process("operator_process.py", kafka, cache.endpoint, folder, str(given.snapshots))
        self.operator.answer()
        self.source = Process(
            "tick_source.py", kafka, *map(str, (given.symbols, given.partitions, given.linger))
        )
        self._redis = Redis(host=cache.host, port=cache.port)
        step = max(1, given.symbols // given.watched)
        self._watched = list(range(0, given.symbols, step))[: given.watched]
        self._said = 0
        assert cache.process is not None
        self._processes = {
            "source": self.source.pid,
            "broker": broker,
            "operator": self.operator.pid,
            "cache": cache.process.pid,
            "reader": os.getpid(),
        }

    def close(self) -> None:
        self.source.close()
        self.operator.close()

    def warm(self) -> None:
        """One tick a second of each symbol, until the longest window of 1s bars is full; then the rate that
        is measured, until the broker's compiler has seen enough of it.
        """
        for rate, seconds in ((self._given.symbols, self._given.warm), (self._given.rate, self._given.hot)):
            self.source.begin(rate=rate, seconds=seconds)
            self._said = self.source.answer()["said"]
            self._settle(self._said)

    def measure(self, rate: int, seconds: float, *, last: bool = False) -> dict[str, Any]:
        watch = Watch(self._cache.host, self._cache.port, [f"SYM{n}" for n in self._watched])
        watch.open()
        self.operator.begin()
        before, load = self.operator.answer(), os.getloadavg()
        began, used = time.monotonic(), spent(self._processes)
        self.source.begin(rate=rate, seconds=seconds, last=last)
        told = self.source.answer()
        used = shares(used, spent(self._processes), time.monotonic() - began)
        loss = self._settle(told["said"])
        self.operator.begin()
        after = self.operator.answer()
        watch.close()
        latencies = self._latencies(watch, told["began"], rate, int(rate * seconds))
        self._said = told["said"]
        counted = np.percentile(latencies, [50, 99, 99.9, 100]) if len(latencies) else [np.nan] * 4
        return {
            "broker": self._given.broker,
            "rate": rate,
            "seconds": seconds,
            "ticks": int(rate * seconds),
            "sampled": len(latencies),
            **dict(zip(("p50_ms", "p99_ms", "p999_ms", "max_ms"), map(float, counted), strict=True)),
            **loss,
            "processors": used,
            **{name: (after[name] or 0) - (before[name] or 0) for name in ("bars", "vectors", "snapshots")},
            "load_before": load[0],
            **({"wrong_vectors": self._wrong(told["last"])} if last else {}),
        }

    def _latencies(self, watch: Watch, began: int, rate: int, count: int) -> np.ndarray[Any, Any]:
        """Milliseconds of each tick of the watched symbols."""
        found = []
        for number, (reads, times) in zip(self._watched, watch.seen, strict=True):
            first = (number - self._said) % self._given.symbols
            due = began + (np.arange(first, count, self._given.symbols) * (SECOND / rate)).astype(np.int64)
            at = np.searchsorted(np.array(times), due)
            seen = at < len(reads)
            found.append((np.array(reads)[at[seen]] - due[seen]) / 1e6)
        return np.concatenate(found)

    def _settle(self, said: int) -> dict[str, int]:
        """Wait until the accounts of the operator say that all has come, or that nothing more comes."""
        found, until_then = self._accounts(), time.monotonic() + 60
        while found["received"] < said and time.monotonic() < until_then:
            time.sleep(0.2)
            found = self._accounts()
        return {"said": said, **found, "lost": said - found["received"]}

    def _accounts(self) -> dict[str, int]:
        async def ask() -> list[accounting.StageAccount]:
            place = Endpoint(self._cache.host, self._cache.port)
            nodes = Nodes("cache", [place], [place], tls=False)
            try:
                return await accounting.read(nodes, ["operator"])
            finally:
                await nodes.close()

        told = asyncio.run(ask())
        names = ("received", "missing", "duplicates", "late", "refused")
        return {name: sum(getattr(account, name) for account in told) for name in names}

    def _wrong(self, last: dict[str, float]) -> int:
        """Symbols whose vector has another price than the last that was said."""

        def count() -> int:
            raw: Any = self._redis.mget([ONLINE.key(symbol) for symbol in last])
            return int(np.count_nonzero(ONLINE.decode(raw).values[:, 0] != np.array(list(last.values()))))

        for _ in range(20):
            if count() == 0:
                break
            time.sleep(0.25)
        return count()


@contextmanager
def started(kind: str, partitions: int, folder: str) -> Iterator[tuple[str, int]]:
    """A broker with the platform's topics: its address, and the number of its process."""
    stream_servers.PARTITIONS = partitions
    if kind == "kafka":
        with kafka_server.running(Path(folder), lasting=True) as kafka:
            stream_servers.Broker(kafka.host, kafka.port).create(*TOPICS)
            yield kafka.endpoint, kafka.pid
        return
    with stream_servers.broker(own=True) as tansu:
        assert tansu.process is not None
        yield tansu.endpoint, tansu.process.pid


@contextmanager
def bench(given: argparse.Namespace) -> Iterator[Bench]:
    cache = CacheServer(*own_address())
    with (
        TemporaryDirectory() as folder,
        TemporaryDirectory() as snapshots,
        started(given.broker, given.partitions, folder) as (kafka, broker),
    ):
        cache.start()
        made = Bench(given, kafka, broker, cache, snapshots)
        try:
            yield made
        finally:
            made.close()
            cache.stop()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (
        ("rate", 100_000),
        ("seconds", 60),
        ("symbols", 5000),
        ("partitions", 4),
        ("warm", 55),
        ("hot", 20),
        ("watched", 40),
        ("snapshots", 60),
        ("step", 20_000),
        ("step-seconds", 15),
        ("most-ms", 100),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--broker", choices=("tansu", "kafka"), default="tansu")
    parser.add_argument("--linger", type=float, default=LINGER, help="milliseconds that a batch is filled")
    parser.add_argument("--highest", action="store_true", help="then find the highest rate, by steps")
    given = parser.parse_args()
    with bench(given) as made:
        made.warm()
        found: dict[str, Any] = {"sustained": made.measure(given.rate, given.seconds, last=True), "steps": []}
        rate = given.rate
        while given.highest:
            rate += given.step
            tried = made.measure(rate, given.step_seconds)
            found["steps"].append(tried)
            if tried["p99_ms"] >= given.most_ms or tried["lost"]:
                break
    found["children_megabytes"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
