"""Times of the core beside rivals, for `make bench`: `python core_probes.py PROBE ROUNDS` prints JSON.

Each round does the same operation often on both sides, in the other order than the round before. Microseconds
an operation: of processor time where all of it is in the process, else on the clock.
"""

import asyncio
import io
import json
import random
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
import limits  # noqa: E402
import redis.asyncio as redis  # noqa: E402
from cache_clock import Clock, endpoint  # noqa: E402
from cache_servers import CachePair, cache_pair  # noqa: E402
from gateway_task import ServiceProcess, task_environment  # noqa: E402
from loopback import accepts, own_address, until  # noqa: E402
from richesreach.core import logs  # noqa: E402
from richesreach.core.cache import Cache, Nodes, keys  # noqa: E402
from richesreach.core.cache.kinds import PRICES  # noqa: E402
from richesreach.core.cache.local import LocalCache  # noqa: E402
from richesreach.core.limits.gcra import MICROSECONDS, LocalLimits, Tier  # noqa: E402

Operation = Callable[[], Awaitable[object]]
VALUE = {"symbol": "AAPL", "last": "189.50", "closes": [189.5, 190.25, 188.0], "halted": False}
KEY = "prices:AAPL"


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


async def middleware(rounds: int) -> dict[str, Any]:
    """A request over HTTP: through all of the core's middleware with limits and a log line, or none."""
    with cache_pair() as pair:
        common = {**task_environment(None, pair), "RATE_LIMIT_TIERS": "anonymous=1000000/1,key=1/1"}
        common["LOG_LEVEL"] = "INFO"
        addresses = [own_address(), own_address()]
        modules = ("small_service", "bare_service")
        processes = [
            ServiceProcess(module, {**common, "BIND_ADDRESS": host, "PORT": str(port)})
            for module, (host, port) in zip(modules, addresses, strict=True)
        ]
        try:
            for address in addresses:
                until(lambda address=address: accepts(*address), "the service listens")  # type: ignore[misc]
            async with aiohttp.ClientSession() as session:
                ours, theirs = (_request(session, f"http://{host}:{port}/small") for host, port in addresses)
                found = await pairs(ours, theirs, rounds, 40)
        finally:
            for process in processes:
                process.kill()
    each = {side: [time_of_all / CALLERS for time_of_all in times] for side, times in found.items()}
    return each | {"rival": f"bare Starlette {version('starlette')} on the same uvicorn"}


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


CALLERS = 16


def _request(session: aiohttp.ClientSession, url: str) -> Operation:
    async def one() -> None:
        async with session.get(url) as response:
            assert response.status == 200
            await response.read()

    async def all_at_once() -> None:
        await asyncio.gather(*(one() for _ in range(CALLERS)))

    return all_at_once


PROBES = {
    "cache-local": cache_local,
    "cache-shared": cache_shared,
    "cache-hits": cache_hits,
    "limit-check": limit_check,
    "middleware": middleware,
}

if __name__ == "__main__":
    logs.configure(service="bench", region="local", level="INFO", stream=io.StringIO())
    print(json.dumps(asyncio.run(PROBES[sys.argv[1]](int(sys.argv[2])))))  # noqa: T201
