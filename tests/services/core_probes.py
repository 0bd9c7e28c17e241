"""Times of the core beside rivals, for `make bench`: `python core_probes.py PROBE ROUNDS` prints JSON.

Each round does the same operation often on both sides, in the other order than the round before. Microseconds
an operation: of processor time where all of it is in the process, else on the clock.
"""

import asyncio
import functools
import io
import json
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "services")]

import aiohttp  # noqa: E402
import cashews  # noqa: E402
import glide  # noqa: E402
import limits  # noqa: E402
import redis.asyncio as redis  # noqa: E402
import uvloop  # noqa: E402
from cache_clock import Clock, endpoint  # noqa: E402
from cache_servers import CachePair, cache_pair  # noqa: E402
from gateway_task import ServiceProcess, task_environment  # noqa: E402
from loopback import accepts, own_address, until  # noqa: E402
from richesreach.core import logs  # noqa: E402
from richesreach.core.cache import Cache, Nodes, keys  # noqa: E402
from richesreach.core.cache.kinds import PRICES  # noqa: E402
from richesreach.core.cache.local import LocalCache  # noqa: E402
from richesreach.core.cache.wire import Wire  # noqa: E402
from richesreach.core.limits.gcra import MICROSECONDS, LocalLimits, Tier  # noqa: E402

Operation = Callable[[], Awaitable[object]]
VALUE = {"symbol": "AAPL", "last": "189.50", "closes": [189.5, 190.25, 188.0], "halted": False}
KEY = "prices:AAPL"
# At a time, where an operation is one of many.
CALLERS = 16


async def pairs(
    ours: Operation,
    theirs: Operation,
    rounds: int,
    times: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"ours": [], "theirs": []}
    sides = [("ours", ours), ("theirs", theirs)]
    for number in range(-1, rounds):
        for name, operation in sides if number % 2 else sides[::-1]:
            started = clock()
            for _ in range(times):
                await operation()
            if number >= 0:  # the first is to warm up
                found[name].append((clock() - started) / times * 1e6)
    return found


@asynccontextmanager
async def cache_over(
    pair: CachePair, local: LocalCache | None, now: Callable[[], float] = time.time
) -> AsyncIterator[Cache]:
    nodes = [endpoint(pair.primary)]
    cache = Cache(Nodes("cache", reads=nodes, writes=nodes, tls=False), local=local, now=now)
    yield cache
    await cache.close()


async def load() -> dict[str, Any]:
    return VALUE


async def cache_local(rounds: int) -> dict[str, Any]:
    """A value that the process has, through the call that would load it otherwise."""
    rival = cashews.Cache()
    rival.setup("mem://")
    with cache_pair() as pair:
        async with cache_over(pair, LocalCache()) as cache:
            # As when others are heard: else the process keeps nothing for longer than a second.
            cache._broadcast.listening = True
            kind = PRICES.lasting(300)

            async def ours() -> object:
                return await cache.get_or_load(KEY, load, kind=kind)

            async def theirs() -> object:
                return await rival.get_or_set(KEY, load, expire=300)

            return await pairs(ours, theirs, rounds, 5000) | {
                "rival": f"cashews {version('cashews')}, mem://"
            }


async def cache_shared(rounds: int) -> dict[str, Any]:
    """A value that only the server has, decoded; the rival hands out its bytes."""
    with cache_pair() as pair:
        rival = redis.Redis(host=pair.primary.host, port=pair.primary.port)
        async with cache_over(pair, None) as cache:
            await cache.set(KEY, VALUE, ttl_seconds=600)
            found = await pairs(lambda: cache.get(KEY), lambda: rival.get(KEY), rounds, 500)
        await rival.aclose()
    return found | {"rival": f"bare redis-py {version('redis')}"}


async def limit_check(rounds: int) -> dict[str, Any]:
    """One decision in the process."""
    local, tier = LocalLimits(), Tier("key", quota=200, seconds=60, burst=200)
    rival = limits.strategies.MovingWindowRateLimiter(limits.storage.MemoryStorage())
    item = limits.RateLimitItemPerMinute(200)

    async def ours() -> object:
        return local.check("caller", tier, int(time.time() * MICROSECONDS))

    async def theirs() -> object:
        return rival.hit(item, "caller")

    found = await pairs(ours, theirs, rounds, 5000, time.process_time)
    return found | {"rival": f"limits {version('limits')}, moving window"}


async def cache_glide(rounds: int) -> dict[str, Any]:
    """As `cache_shared`, for as many callers at a time as a busy task has; glide hands out bytes, too."""
    with cache_pair() as pair:
        address = glide.NodeAddress(pair.primary.host, pair.primary.port)
        rival = await glide.GlideClient.create(glide.GlideClientConfiguration([address]))
        async with cache_over(pair, None) as cache:
            await cache.set(KEY, VALUE, ttl_seconds=600)
            ours = at_once(lambda: cache.get(KEY))
            found = await pairs(ours, at_once(lambda: rival.get(KEY)), rounds, 40)
        await rival.close()
    return each(found) | {"rival": f"bare valkey-glide {version('valkey-glide')}"}


async def clients(rounds: int) -> dict[str, Any]:
    """Processor time of one `GET` by each way to a server, by how many ask at a time; medians."""
    found: dict[str, Any] = {}
    with cache_pair() as pair:
        server = endpoint(pair.primary)
        redis_py = redis.Redis(host=server.host, port=server.port)
        configuration = glide.GlideClientConfiguration([glide.NodeAddress(server.host, server.port)])
        valkey = await glide.GlideClient.create(configuration)
        wire = Wire(server, tls=False, login=None, patience=5)
        await redis_py.set(KEY, json.dumps(VALUE))
        ways: dict[str, Operation] = {
            "redis-py": lambda: redis_py.get(KEY),
            "valkey-glide": lambda: valkey.get(KEY),
            "wire": lambda: wire.call("GET", KEY),
        }
        for callers in (1, 16, 32):
            times: dict[str, list[float]] = {name: [] for name in ways}
            for number in range(rounds):
                for name in list(ways)[:: 1 if number % 2 else -1]:
                    started, turns = time.process_time(), 480 // callers
                    for _ in range(turns):
                        await asyncio.gather(*(ways[name]() for _ in range(callers)))
                    times[name].append((time.process_time() - started) / turns / callers * 1e6)
            found[f"{callers} at a time"] = {
                name: round(statistics.median(each), 1) for name, each in times.items()
            }
        await valkey.close()
        await redis_py.aclose()
        wire.close()
    return found


def at_once(operation: Operation) -> Operation:
    async def all_of_them() -> None:
        await asyncio.gather(*(operation() for _ in range(CALLERS)))

    return all_of_them


def each(found: dict[str, list[float]]) -> dict[str, Any]:
    """Of one caller, where a round's operation was that of all of them."""
    return {side: [time_of_all / CALLERS for time_of_all in times] for side, times in found.items()}


async def middleware(rounds: int, *, limits: bool = True, processor: bool = False) -> dict[str, Any]:
    """A request over HTTP: through all of the core's middleware with a log line, or none.

    On the clock, as a client sees it, or of the server's processor.
    """
    with cache_pair() as pair:
        common = {**task_environment(None, pair), "RATE_LIMIT_TIERS": "anonymous=1000000/1,key=1/1"}
        common |= {"LOG_LEVEL": "INFO", "RATE_LIMITING": str(limits).lower()}
        addresses = [own_address(), own_address()]
        modules = ("small_service", "bare_service")
        processes = [
            ServiceProcess(module, {**common, "BIND_ADDRESS": host, "PORT": str(port)})
            for module, (host, port) in zip(modules, addresses, strict=True)
        ]

        def used() -> float:
            """Seconds of processor time of both servers: only the one that is asked uses any to speak of."""
            spent = [Path(f"/proc/{process.process.pid}/schedstat").read_text() for process in processes]
            return sum(int(text.split()[0]) for text in spent) / 1e9

        try:
            for address in addresses:
                until(lambda address=address: accepts(*address), "the service listens")  # type: ignore[misc]
            async with aiohttp.ClientSession() as session:
                ours, theirs = (_request(session, f"http://{host}:{port}/small") for host, port in addresses)
                found = await pairs(ours, theirs, rounds, 40, used if processor else time.perf_counter)
        finally:
            for process in processes:
                process.kill()
    return each(found) | {"rival": f"bare Starlette {version('starlette')} on the same uvicorn"}


SYMBOLS, EXPONENT, READS, SECONDS = 10_000, 1.1, 300_000, 60


async def cache_hits(rounds: int) -> dict[str, Any]:
    """Percent of reads that find their value: Zipf-distributed symbols, 5,000 reads in each second of a clock
    that is moved by hand.

    From an empty cache on: every symbol's first read is among the misses.
    """
    shares = [1 / rank**EXPONENT for rank in range(1, SYMBOLS + 1)]
    found = []
    for number in range(rounds):
        asked = random.Random(number).choices(range(SYMBOLS), weights=shares, k=READS)  # noqa: S311
        clock = Clock()
        with cache_pair() as pair:
            async with cache_over(pair, LocalCache(), clock) as cache:
                for symbol in asked:
                    clock.now += SECONDS / READS
                    await cache.get_or_load(keys.prices(f"S{symbol}"), load, kind=PRICES)
                found.append(100 * cache.hit_ratio)
    return {"ours": found}


def _request(session: aiohttp.ClientSession, url: str) -> Operation:
    async def one() -> None:
        async with session.get(url) as response:
            assert response.status == 200
            await response.read()

    return at_once(one)


PROBES = {
    "cache-local": cache_local,
    "cache-shared": cache_shared,
    "cache-hits": cache_hits,
    "limit-check": limit_check,
    "cache-glide": cache_glide,
    "clients": clients,
    "middleware": middleware,
    "middleware-unlimited": functools.partial(middleware, limits=False),
    "middleware-processor": functools.partial(middleware, processor=True),
}

if __name__ == "__main__":
    logs.configure(service="bench", region="local", level="INFO", stream=io.StringIO())
    print(json.dumps(uvloop.run(PROBES[sys.argv[1]](int(sys.argv[2])))))  # noqa: T201
