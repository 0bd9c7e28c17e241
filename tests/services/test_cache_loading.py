"""Values from their source through the cache: loaded once, kept as their kind says, old ones before none."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal

import pytest
from cache_clock import Clock, endpoint
from cache_servers import CachePair
from richesreach.core.cache import Cache, Nodes
from richesreach.core.cache.counts import Outcome
from richesreach.core.cache.kinds import PRICES
from richesreach.core.cache.loading import RESPITE
from richesreach.core.cache.local import LocalCache
from richesreach.core.resilience import deadline

KEY = "prices:AAPL"
OLD = PRICES.ttl + 1  # seconds after which a price is no longer fresh


@dataclass(frozen=True)
class Price:
    symbol: str
    last: Decimal


class SourceDownError(Exception):
    pass


class Source:
    """Prices, and how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.price: Price | None = Price("AAPL", Decimal("189.50"))
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> Price | None:
        self.asked += 1
        price = self.price
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return price


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def cache_over(pair: CachePair, clock: Clock, *, local: bool = True) -> Cache:
    nodes = [endpoint(pair.primary), endpoint(pair.replica)]
    servers = Nodes("cache", reads=nodes, writes=nodes, tls=False, clock=clock)
    return Cache(servers, local=LocalCache() if local else None, now=clock)


@pytest.fixture
async def cache(own_caches: CachePair, clock: Clock) -> AsyncIterator[Cache]:
    opened = cache_over(own_caches, clock)
    yield opened
    await opened.close()


@pytest.fixture
async def other(own_caches: CachePair, clock: Clock) -> AsyncIterator[Cache]:
    """Another process's client of the same servers, without a memory of its own."""
    opened = cache_over(own_caches, clock, local=False)
    yield opened
    await opened.close()


async def ask(cache: Cache, source: Source) -> Price | None:
    return await cache.get_or_load(KEY, source, kind=PRICES, wanted=Price)


async def test_a_value_is_loaded_once_and_found_by_every_process(
    cache: Cache, other: Cache, source: Source
) -> None:
    found = [await ask(cache, source), await ask(cache, source), await ask(other, source)]
    assert found == [source.price] * 3
    assert source.asked == 1


async def test_a_second_read_asks_no_server(cache: Cache, source: Source, own_caches: CachePair) -> None:
    await ask(cache, source)
    own_caches.primary.stop()
    own_caches.replica.stop()
    assert await ask(cache, source) == source.price
    assert cache.counts.by_kind()["prices", Outcome.LOCAL] == 1


async def test_a_value_past_its_time_is_loaded_anew(cache: Cache, source: Source, clock: Clock) -> None:
    await ask(cache, source)
    clock.now += OLD
    source.price = Price("AAPL", Decimal("190.25"))
    assert await ask(cache, source) == source.price
    assert source.asked == 2


async def test_callers_at_the_same_time_share_one_load(cache: Cache, source: Source) -> None:
    source.gate.clear()
    callers = [asyncio.create_task(ask(cache, source)) for _ in range(50)]
    async with asyncio.timeout(10):
        while not source.asked:  # noqa: ASYNC110 (the load tells by a count)
            await asyncio.sleep(0.01)
    source.gate.set()
    assert await asyncio.gather(*callers) == [source.price] * 50
    assert source.asked == 1


async def test_a_caller_that_gives_up_takes_the_load_from_nobody(cache: Cache, source: Source) -> None:
    source.gate.clear()
    first, second = (asyncio.create_task(ask(cache, source)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    source.gate.set()
    assert await second == source.price
    assert source.asked == 1


async def test_an_old_value_is_given_where_the_source_fails(
    cache: Cache, source: Source, clock: Clock
) -> None:
    await ask(cache, source)
    clock.now += OLD
    source.error = SourceDownError()
    assert await ask(cache, source) == source.price
    assert cache.counts.by_kind()["prices", Outcome.STALE] == 1


async def test_a_failing_source_has_a_respite(cache: Cache, source: Source, clock: Clock) -> None:
    await ask(cache, source)
    clock.now += OLD
    source.error = SourceDownError()
    for _ in range(5):
        await ask(cache, source)
    assert source.asked == 2
    clock.now += RESPITE
    await ask(cache, source)
    assert source.asked == 3


async def test_a_value_that_is_too_old_is_not_given(cache: Cache, source: Source, clock: Clock) -> None:
    await ask(cache, source)
    clock.now += PRICES.ttl + PRICES.stale + 1
    source.error = SourceDownError()
    with pytest.raises(SourceDownError):
        await ask(cache, source)


async def test_without_an_old_value_the_source_s_error_is_the_caller_s(cache: Cache, source: Source) -> None:
    source.error = SourceDownError()
    with pytest.raises(SourceDownError):
        await ask(cache, source)


async def test_what_the_source_does_not_have_is_remembered_for_a_while(
    cache: Cache, other: Cache, source: Source, clock: Clock
) -> None:
    source.price = None
    assert [await ask(cache, source), await ask(other, source)] == [None, None]
    assert source.asked == 1
    assert await cache.get(KEY) is None
    clock.now += PRICES.negative + 0.001
    source.price = Price("AAPL", Decimal(1))
    assert await ask(cache, source) == source.price


async def test_an_entry_of_an_older_form_is_replaced(cache: Cache, other: Cache, source: Source) -> None:
    await other.set(KEY, {"ticker": "AAPL"}, ttl_seconds=60)
    assert await ask(cache, source) == source.price
    assert await other.get(KEY, Price) == source.price


async def test_an_unreadable_entry_makes_nothing_fresh_that_is_in_doubt(
    cache: Cache, source: Source, own_caches: CachePair
) -> None:
    await ask(cache, source)
    cache.deaf()
    own_caches.primary.command("SET", KEY, "{half")
    source.price = Price("AAPL", Decimal("190.25"))
    assert await ask(cache, source) == source.price


async def test_a_shared_load_waits_longer_than_the_caller_that_began_it(cache: Cache) -> None:
    async def look() -> float | None:
        return deadline.remaining()

    with deadline.within(0.5):
        left = await cache.get_or_load(KEY, look, kind=PRICES)
    assert left is not None
    assert left > 0.5


async def test_with_every_server_down_values_come_from_their_source(
    cache: Cache, source: Source, own_caches: CachePair, clock: Clock
) -> None:
    own_caches.primary.stop()
    own_caches.replica.stop()
    assert await ask(cache, source) == source.price
    clock.now += OLD
    source.error = SourceDownError()
    assert await ask(cache, source) == source.price


async def test_no_caller_can_change_another_s_value(cache: Cache, source: Source) -> None:
    first = await cache.get_or_load(KEY, source, kind=PRICES)
    assert isinstance(first, dict)
    first.clear()
    assert await cache.get_or_load(KEY, source, kind=PRICES) == {"symbol": "AAPL", "last": "189.50"}


async def test_many_values_are_one_question(cache: Cache, own_caches: CachePair) -> None:
    await cache.set_many({"prices:A": 1, "prices:B": 2}, ttl_seconds=60)
    before = own_caches.primary.command("INFO", "commandstats").count("cmdstat_mget")
    assert before == 0
    assert await cache.get_many(["prices:A", "prices:B", "prices:C"]) == {"prices:A": 1, "prices:B": 2}
    assert "cmdstat_mget:calls=1," in own_caches.primary.command("INFO", "commandstats")


async def test_the_reads_are_counted_by_kind(cache: Cache, source: Source) -> None:
    await ask(cache, source)
    await ask(cache, source)
    await cache.get("whatever:1")
    assert cache.counts.by_kind() == {
        ("prices", Outcome.MISS): 1,
        ("prices", Outcome.LOCAL): 1,
        ("other", Outcome.MISS): 1,
    }
    assert cache.hit_ratio == pytest.approx(1 / 3)
