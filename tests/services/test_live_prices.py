"""Prices of the stream before those of the database."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from gateway_task import Environment
from market_stores import Stores, stores
from redis import Redis
from richesreach.core.vectors import ONLINE
from richesreach.gateway.market import live
from richesreach.gateway.market.model import GENERATED, Price

MINUTE = 60 * 10**9


@pytest.fixture
async def opened(environment: Environment) -> AsyncIterator[Stores]:
    async with stores(environment) as found:
        yield found


@pytest.fixture
def cache(environment: Environment) -> Redis:
    return Redis(host=environment["REDIS_PRIMARY_HOST"], port=int(environment["REDIS_PRIMARY_PORT"]))


def write(cache: Redis, symbol: str, price: float, age: int = 0) -> None:
    """A vector without other features, as of so many nanoseconds ago."""
    values = np.full((1, len(ONLINE.names)), np.nan)
    values[0, 0] = price
    (raw,) = ONLINE.encode(np.array([time.time_ns() - age]), np.array([1]), values)
    cache.set(ONLINE.key(symbol), raw)


async def price_of(opened: Stores, symbol: str) -> Price:
    (found,) = await opened.market.prices([symbol])
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def _nothing_is_kept(monkeypatch: pytest.MonkeyPatch, cache: Redis) -> None:
    monkeypatch.setattr(live, "KEPT", 0.0)
    cache.flushall()


async def test_the_price_follows_the_vector(opened: Stores, cache: Redis) -> None:
    for price in (187.25, 187.26):
        write(cache, "AAPL", price)
        found = await price_of(opened, "AAPL")
        assert (found.price, found.source) == (Decimal(str(price)), "stream")
        assert datetime.now(UTC) - found.at < timedelta(minutes=1)


async def test_without_a_vector_the_price_is_the_databases(opened: Stores) -> None:
    assert (await price_of(opened, "MSFT")).source == GENERATED


async def test_a_vector_that_nobody_renews_gives_way_to_a_newer_price_of_the_database(
    opened: Stores, cache: Redis
) -> None:
    stored = await price_of(opened, "MSFT")
    age = int((datetime.now(UTC) - stored.at).total_seconds()) * 10**9
    write(cache, "MSFT", 1.0, age + 2 * MINUTE)
    assert await price_of(opened, "MSFT") == stored
    write(cache, "MSFT", 2.0, max(0, age - 2 * MINUTE))
    assert (await price_of(opened, "MSFT")).price == 2


async def test_bytes_that_are_no_vector_are_passed_over(opened: Stores, cache: Redis) -> None:
    cache.set(ONLINE.key("TSLA"), b"?")
    assert (await price_of(opened, "TSLA")).source == GENERATED
