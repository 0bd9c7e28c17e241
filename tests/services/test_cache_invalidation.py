"""Invalidation: by key, tag and kind, in the servers and in the memory of every process."""

import asyncio
import io
import itertools
import re
import signal
from collections.abc import AsyncIterator, Callable

import pytest
from cache_clock import Clock, endpoint
from cache_servers import CachePair, CacheServer
from loopback import own_address
from richesreach.core import logs
from richesreach.core.cache import Cache, Nodes, broadcast
from richesreach.core.cache.kinds import METRICS, PRICES
from richesreach.core.cache.loading import SETTLING, UNSETTLED
from richesreach.core.cache.local import LocalCache
from richesreach.core.cache.scripts import CHANNEL, TAG

KEY = "prices:AAPL"


async def until(condition: Callable[[], bool], what: str) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (the world changes, no event tells)
            await asyncio.sleep(0.01)
    assert condition(), what


async def listening(pair: CachePair) -> Cache:
    nodes = [endpoint(pair.primary), endpoint(pair.replica)]
    cache = Cache(Nodes("cache", reads=nodes, writes=nodes, tls=False), local=LocalCache())
    cache.open()
    await until(lambda: cache.listening, "the process listens")
    return cache


@pytest.fixture
async def here(own_caches: CachePair) -> AsyncIterator[Cache]:
    cache = await listening(own_caches)
    yield cache
    await cache.close()


@pytest.fixture
async def there(own_caches: CachePair) -> AsyncIterator[Cache]:
    """Another process."""
    cache = await listening(own_caches)
    yield cache
    await cache.close()


def source_of(value: object) -> Callable[[], "asyncio.Future[object]"]:
    def load() -> "asyncio.Future[object]":
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        future.set_result(value)
        return future

    return load


async def put(cache: Cache, key: str, value: object, *tags: str) -> None:
    assert await cache.get_or_load(key, source_of(value), kind=PRICES, tags=tags) == value


def kept(cache: Cache, key: str) -> bool:
    assert cache.local is not None
    return cache.local.get(key, cache.now()) is not None


async def test_a_key_is_dropped_everywhere(here: Cache, there: Cache) -> None:
    await put(here, KEY, 1)
    await put(there, KEY, 1)
    assert await here.invalidate(keys=[KEY])
    await until(lambda: not kept(there, KEY), "the other process is told")
    assert await there.get(KEY) is None


async def test_a_tag_drops_what_bears_it_and_nothing_else(here: Cache, there: Cache) -> None:
    await put(here, "prices:AAPL", 1, "exchange:XNAS", "tech")
    await put(here, "prices:MSFT", 2, "exchange:XNAS")
    await put(here, "prices:BP", 3, "exchange:XLON")
    assert await there.get("prices:MSFT") == 2
    assert await here.invalidate(tags=["exchange:XNAS"])
    await until(lambda: not kept(there, "prices:MSFT"), "the other process is told")
    found = await there.get_many(["prices:AAPL", "prices:MSFT", "prices:BP"])
    assert found == {"prices:BP": 3}


async def test_a_kind_is_dropped_and_no_other(here: Cache, there: Cache) -> None:
    values = {f"prices:S{number}": number for number in range(1200)}
    await here.set_many(values, ttl_seconds=60)
    await here.set("metrics:AAPL:1d", 7, ttl_seconds=60)
    assert await there.get("prices:S7") == 7
    assert await here.invalidate(kinds=["prices"])
    await until(lambda: not kept(there, "prices:S7"), "the other process is told")
    assert await there.get_many(list(values)) == {}
    assert await there.get("metrics:AAPL:1d") == 7


@pytest.mark.parametrize("by", [{"keys": [KEY]}, {"tags": ["tech"]}, {"kinds": ["prices"]}], ids=str)
async def test_what_was_read_before_an_invalidation_is_not_stored_after_it(
    here: Cache, there: Cache, by: dict[str, list[str]]
) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> str:
        began.set()
        await go_on.wait()
        return "old"

    load = asyncio.create_task(here.get_or_load(KEY, slow, kind=PRICES, tags=["tech"]))
    await began.wait()
    await there.invalidate(**by)
    go_on.set()
    assert await load == "old"  # true when it was asked
    assert await there.get(KEY) is None
    assert not kept(here, KEY)


@pytest.mark.parametrize("many", [False, True])
async def test_a_value_that_is_set_outlives_a_load_that_began_before(
    here: Cache, there: Cache, many: bool
) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> str:
        began.set()
        await go_on.wait()
        return "old"

    load = asyncio.create_task(here.get_or_load(KEY, slow, kind=PRICES))
    await began.wait()
    if many:
        assert await there.set_many({KEY: "new"}, ttl_seconds=60)
    else:
        assert await there.set(KEY, "new", ttl_seconds=60)
    go_on.set()
    await load
    assert await there.get(KEY) == "new"


async def test_a_tag_forgets_what_has_run_out(here: Cache, own_caches: CachePair) -> None:
    await here.set("prices:MSFT", 3, ttl_seconds=60, tags=["tech"])
    await here.set("prices:GONE", 1, ttl_seconds=0.001, tags=["tech"])
    await until(lambda: own_caches.primary.command("EXISTS", "prices:GONE").startswith(":0"), "it ran out")
    await here.set("prices:AAPL", 2, ttl_seconds=60, tags=["tech"])
    members = own_caches.primary.command("SORT", f"{TAG}tech", "BY", "nosort")
    assert "prices:AAPL" in members
    assert "prices:GONE" not in members


async def test_after_an_invalidation_no_caller_joins_an_older_load(here: Cache) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> str:
        began.set()
        await go_on.wait()
        return "old"

    load = asyncio.create_task(here.get_or_load(KEY, slow, kind=PRICES))
    await began.wait()
    await here.invalidate(keys=[KEY])
    assert await here.get_or_load(KEY, source_of("new"), kind=PRICES) == "new"
    go_on.set()
    await load
    assert await here.get(KEY) == "new"


async def test_a_process_that_cannot_hear_doubts_what_it_has(here: Cache, own_caches: CachePair) -> None:
    await put(here, KEY, 1)
    own_caches.primary.stop()
    await until(lambda: not here.listening or not kept(here, KEY), "the process notices")
    await until(lambda: not kept(here, KEY), "what it has is in doubt")


async def test_a_sign_of_life_puts_nothing_in_doubt(
    own_caches: CachePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "PING_INTERVAL", 0.02)
    cache = await listening(own_caches)
    assert cache.local is not None
    before = cache.local.epoch(KEY)
    pings = re.compile(r"cmdstat_ping:calls=(?:[5-9]|\d\d)")
    await until(
        lambda: bool(pings.search(own_caches.primary.command("INFO", "commandstats"))), "the server is asked"
    )
    assert (cache.listening, cache.local.epoch(KEY)) == (True, before)
    await cache.close()


async def test_a_server_that_falls_silent_is_believed_no_more(
    own_caches: CachePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "PING_INTERVAL", 0.02)
    cache = await listening(own_caches)
    own_caches.replica.stop()
    assert own_caches.primary.process is not None
    own_caches.primary.process.send_signal(signal.SIGSTOP)
    try:
        await until(lambda: not cache.listening, "the process notices")
    finally:
        own_caches.primary.process.send_signal(signal.SIGCONT)
    await cache.close()


async def test_a_demoted_primary_is_not_left_to_tell_what_is_gone(own_caches: CachePair) -> None:
    own_caches.replica.promote()
    own_caches.primary.demote(own_caches.replica)
    nodes = [endpoint(own_caches.primary), endpoint(own_caches.replica)]
    # Each look at the clock is later than any cool-down: the demoted primary is asked each time.
    clock = itertools.count(0, 60).__next__
    cache = Cache(Nodes("cache", reads=nodes, writes=nodes, tls=False, clock=clock))
    assert await cache.invalidate(keys=[KEY], kinds=["metrics"])
    # What the promoted one publishes, its replicas publish, too; not the other way round.
    assert "cmdstat_publish" in own_caches.replica.command("INFO", "commandstats")
    await cache.close()


async def test_a_message_that_says_more_than_is_understood_puts_all_in_doubt(
    here: Cache,
) -> None:
    await here.get_or_load("metrics:AAPL:1d", source_of(1), kind=METRICS)
    assert kept(here, "metrics:AAPL:1d")
    await here.servers.write_value(lambda wire: wire.call("PUBLISH", CHANNEL, b'{"owners":["AAPL"]}'))
    await until(lambda: not kept(here, "metrics:AAPL:1d"), "what it has is in doubt")


async def test_a_process_that_may_not_listen_never_says_that_it_does() -> None:
    server = CacheServer(*own_address(), options=("--user", "default", "on", "nopass", "~*", "+@all"))
    server.start()
    log = io.StringIO()
    logs.configure(service="test", region="eu-west-1", level="INFO", stream=log)
    nodes = [endpoint(server)]
    cache = Cache(Nodes("cache", reads=nodes, writes=nodes, tls=False), local=LocalCache())
    cache.open()
    await until(lambda: "cache_node_unreachable" in log.getvalue(), "the server refuses")
    await cache.close()
    server.stop()
    assert "cache_broadcast_lost" not in log.getvalue()


async def test_listening_begins_again_after_a_promotion(
    here: Cache, there: Cache, own_caches: CachePair
) -> None:
    own_caches.primary.stop()
    own_caches.replica.promote()
    promoted = own_caches.replica
    await until(lambda: ":2" in promoted.command("PUBSUB", "NUMSUB", CHANNEL), "both listen to the promoted")
    await put(here, KEY, 1)
    assert await there.get(KEY) == 1
    assert await here.invalidate(keys=[KEY])
    await until(lambda: not kept(there, KEY), "the other process is told")


async def test_without_servers_an_invalidation_holds_here_and_says_that_it_went_no_further(
    here: Cache, own_caches: CachePair
) -> None:
    await put(here, KEY, 1)
    own_caches.primary.stop()
    own_caches.replica.stop()
    assert not await here.invalidate(keys=[KEY])
    assert not kept(here, KEY)


@pytest.mark.parametrize(
    "said", [{"keys": ["prices:AAPL"]}, {"tags": ["symbol:AAPL"]}, {"kinds": ["prices"]}]
)
async def test_what_a_lagging_replica_says_after_an_invalidation_is_not_kept_for_long(
    own_caches: CachePair, said: dict[str, list[str]]
) -> None:
    clock, answers = Clock(), iter(["old", "old", "new", "newest"])
    nodes = [endpoint(own_caches.primary)]
    cache = Cache(Nodes("cache", reads=nodes, writes=nodes, tls=False), now=clock)

    async def ask() -> object:
        async def load() -> str:
            return next(answers)

        return await cache.get_or_load("prices:AAPL", load, kind=PRICES, wanted=str, tags=["symbol:AAPL"])

    assert await ask() == "old"
    await cache.invalidate(**said)
    assert await ask() == "old"  # the replica has not heard yet
    clock.now += UNSETTLED
    assert await ask() == "new"
    clock.now += SETTLING
    assert await ask() == "newest"
    clock.now += PRICES.ttl / 2
    assert await ask() == "newest"
    await cache.close()
