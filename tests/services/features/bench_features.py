"""Reads of 50 features beside Feast's SDK, in paired rounds: `make bench-features`, ROUNDS=15 by default.

One machine, one cache server, one Postgres, the same 500 symbols and values for all. Inside the service is a
read as both interfaces make it; end to end is a call over gRPC to a task in a process of its own.

Both places that a scheduler may give the cache are measured, for it changes its mind between rounds: a core
of its own, where each round trip wakes up two processors, which takes a virtual machine longer than the read,
and the core of who reads.
"""

import itertools
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

# Feast is started while a client of gRPC runs here, whose handlers of a fork can end the child.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[2] / "services")]

import cache_servers  # noqa: E402
import features_task  # noqa: E402
import numpy as np  # noqa: E402
import postgres_servers  # noqa: E402
import uvloop  # noqa: E402
from asking import UNLIMITED  # noqa: E402
from cache_servers import CachePair  # noqa: E402
from feast_side import FeastSide, feast_side  # noqa: E402
from gateway_task import Environment, ServiceProcess, task_environment  # noqa: E402
from loopback import accepts, own_address, until  # noqa: E402
from postgres_servers import PostgresCluster  # noqa: E402
from richesreach.core.cache import Nodes  # noqa: E402
from richesreach.core.contracts.features.v1 import features_pb2 as wire  # noqa: E402
from richesreach.core.metrics import Metrics  # noqa: E402
from richesreach.core.rpc.neighbour import RpcNeighbour  # noqa: E402
from richesreach.core.settings import Settings  # noqa: E402
from richesreach.core.tracing import Tracing  # noqa: E402
from richesreach.core.vectors import ONLINE  # noqa: E402
from richesreach.features.online import OnlineFeatures  # noqa: E402
from richesreach.features.selection import selection  # noqa: E402
from richesreach.features.views import VIEWS  # noqa: E402
from token_issuer import Issuer, issuer  # noqa: E402

ROOT = HERE.parents[2]
CORES = sorted(os.sched_getaffinity(0))
PLACES = {"its own": CORES[-1:], "the readers'": CORES[:-1]}
SYMBOLS = [f"S{number:03d}" for number in range(500)]
NAMES = [name for view in VIEWS if view.live for name in view.names]
# Reads in a round: ours, Feast's.
TIMES = {1: (2000, 60), 500: (300, 6)}
Read = Callable[[Sequence[str]], Awaitable[Any]]


async def timed(read: Read, symbols: Sequence[str], times: int) -> dict[str, Any]:
    """Microseconds of each of so many reads, and of this process's processor for one of them."""
    took, before = [], time.process_time()
    for _ in range(times):
        started = time.perf_counter()
        await read(symbols)
        took.append((time.perf_counter() - started) * 1e6)
    return {"took": took, "processor": (time.process_time() - before) / times * 1e6}


@asynccontextmanager
async def inside(told: Environment) -> AsyncIterator[OnlineFeatures]:
    """What answers both interfaces of a task, in this process."""
    settings = Settings.from_environment(told)
    nodes = [settings.cache_primary, settings.cache_secondary]
    servers = Nodes("cache", reads=nodes, writes=nodes, tls=False)
    yield OnlineFeatures(servers)
    await servers.close()


@asynccontextmanager
async def over_grpc(told: Environment, signing: Issuer) -> AsyncIterator[RpcNeighbour]:
    """A task in a process of its own, and a neighbour's client of it."""
    settings = Settings.from_environment(told)
    task = ServiceProcess("richesreach.features", told)
    token = features_task.service_token(signing)

    async def credential() -> str:
        return f"Bearer {token}"

    try:
        address = (told["BIND_ADDRESS"], int(told["RPC_PORT"]))
        until(lambda: accepts(*address), f"the task listens; it said {task.output()[-500:]}")
        client = RpcNeighbour(
            "features",
            f"{address[0]}:{address[1]}",
            wire,
            metrics=Metrics(),
            tracing=Tracing(settings),
            credential=credential,
        )
        yield client
        await client.close()
    finally:
        task.kill()


def place(cache: CachePair, cores: Sequence[int], *readers: int) -> None:
    """Give the cache these cores, and the processes that read all but the last."""
    servers = [server.process.pid for server in (cache.primary, cache.replica) if server.process]
    for process, given in (*((one, cores) for one in servers), *((one, CORES[:-1]) for one in readers)):
        for thread in Path(f"/proc/{process}/task").iterdir():
            os.sched_setaffinity(int(thread.name), given)


async def same(online: OnlineFeatures, feast: FeastSide, values: "np.ndarray[Any, Any]") -> None:
    """Both sides answer what was written."""
    read = await online.read(selection(NAMES), SYMBOLS)
    assert np.array_equal(read.values, values)
    theirs = feast.ask("read", symbols=SYMBOLS, times=1)
    assert theirs["first"] == values[0].tolist()
    assert theirs["last"] == values[-1].tolist()


async def measured(
    rounds: int, ours: dict[str, Read], feast: FeastSide, number: int, anew: Callable[[], Awaitable[None]]
) -> dict[str, dict[str, list[float]]]:
    """Of each round by side: p50, p99, processor. `anew` writes our vectors as of now, as ticks would."""
    found: dict[str, dict[str, list[float]]] = {}
    symbols, (mine, theirs) = SYMBOLS[:number], TIMES[number]
    for turn in range(rounds):
        took = {}
        await anew()
        sides = [*ours, "feast"] if turn % 2 == 0 else ["feast", *reversed(ours)]
        for side in sides:
            if side == "feast":
                took[side] = feast.ask("read", symbols=symbols, times=theirs)
            else:
                took[side] = await timed(ours[side], symbols, mine)
        for side, each in took.items():
            into = found.setdefault(side, {"p50": [], "p99": [], "processor": []})
            into["p50"].append(float(np.percentile(each["took"], 50)))
            into["p99"].append(float(np.percentile(each["took"], 99)))
            into["processor"].append(each["processor"])
    return found


def reads(online: OnlineFeatures, client: RpcNeighbour) -> dict[str, Read]:
    wanted = selection(NAMES)

    async def matrix(symbols: Sequence[str]) -> Any:
        answer = await client.call("Matrix", wire.MatrixRequest(entities=symbols, names=NAMES))
        return np.frombuffer(answer.values, "<f8")

    return {"inside": lambda symbols: online.read(wanted, symbols), "grpc": matrix}


async def bench(rounds: int, cluster: PostgresCluster, caches: CachePair, signing: Issuer) -> dict[str, Any]:
    host, port = own_address()
    told = {
        **task_environment(cluster, caches),
        **UNLIMITED,
        **signing.variables,
        "SERVICE_NAME": "features",
        "BIND_ADDRESS": host,
        "RPC_PORT": str(port),
        "LOG_LEVEL": "WARNING",
    }
    values = np.random.default_rng(7).uniform(1, 200, (len(SYMBOLS), len(ONLINE.names)))
    ordered = values[:, [NAMES.index(name) for name in ONLINE.names]]
    results: dict[str, Any] = {}
    async with inside(told) as online, over_grpc(told, signing) as client:
        nodes = Settings.from_environment(told)
        servers = Nodes(
            "cache",
            reads=[nodes.cache_primary],
            writes=[nodes.cache_primary, nodes.cache_secondary],
            tls=False,
        )

        async def anew() -> None:
            now = time.time_ns()
            written = {symbol: (now, row) for symbol, row in zip(SYMBOLS, ordered.tolist(), strict=True)}
            await features_task.write(servers, ONLINE, written)

        await anew()
        for store in ("redis", "postgres"):
            with feast_side() as feast:
                results["feast"] = feast.open(store, cluster, caches.primary)["version"]
                feast.ask("write", symbols=SYMBOLS, values=values.tolist())
                await same(online, feast, values)
                for number, (where, cores) in itertools.product(TIMES, PLACES.items()):
                    place(caches, cores, os.getpid(), feast.process)
                    await measured(1, reads(online, client), feast, number, anew)
                    found = await measured(rounds, reads(online, client), feast, number, anew)
                    results[f"{store} | {number} | {where}"] = found
        await servers.close()
    return results


def times(found: dict[str, dict[str, list[float]]], side: str, of: str) -> float:
    """How many times ours Feast's is: the median of the pairs."""
    return median(theirs / ours for theirs, ours in zip(found["feast"][of], found[side][of], strict=True))


def table(results: dict[str, Any], rounds: int) -> list[str]:
    lines = [
        f"Feast {results['feast']}, Python {platform.python_version()}, {os.cpu_count()} cores,"
        f" load {os.getloadavg()[0]:.1f}; medians of {rounds} paired rounds, µs",
        "",
        "| Feast's store | symbols | the cache's core | inside p50 | inside p99 | gRPC p50 | gRPC p99 "
        "| Feast p50 | Feast p99 | Feast / inside | Feast / gRPC "
        "| processor: inside | Feast | Feast / inside |",
        "| --- | ---: | --- |" + " ---: |" * 11,
    ]
    for name, found in results.items():
        if name == "feast":
            continue
        cells = [
            f"{median(found[side][p]):,.0f}" for side in ("inside", "grpc", "feast") for p in ("p50", "p99")
        ]
        cells += [f"{times(found, side, 'p50'):,.1f}x" for side in ("inside", "grpc")]
        cells += [f"{median(found[side]['processor']):,.0f}" for side in ("inside", "feast")]
        cells.append(f"{times(found, 'inside', 'processor'):,.1f}x")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    if len(CORES) < 2:
        raise SystemExit("error: this bench needs two cores: one for the cache, and one for who reads")
    with tempfile.TemporaryDirectory() as folder, cache_servers.cache_pair() as caches, issuer() as signing:
        template = postgres_servers.make_template(Path(folder) / "template")
        with postgres_servers.postgres_cluster(template, Path(folder) / "cluster") as cluster:
            uvloop.run(features_task.make_tables(cluster))
            cluster.sql("create schema feast_online")
            results = uvloop.run(bench(rounds, cluster, caches, signing))
    into = ROOT / "bench"
    into.mkdir(exist_ok=True)
    (into / "features.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    text = "\n".join(table(results, rounds)) + "\n"
    (into / "features.md").write_text(text, encoding="utf-8")
    print(text)  # noqa: T201


if __name__ == "__main__":
    main()
