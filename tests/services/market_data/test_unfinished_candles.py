"""The candle that goes on: all that is known of it, beside those that are over, and never one of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from cache_servers import CachePair
from gateway_task import client_of, task_environment
from hypothesis import given, settings
from hypothesis import strategies as st
from postgres_servers import PostgresCluster
from richesreach.core.database import Database
from richesreach.core.settings import Settings
from richesreach.core.unfinished_bars import PARTS
from richesreach.market_data.app import create_app
from richesreach.market_data.candles import Candle, CandleStore
from richesreach.market_data.settings import MarketSettings

NOON = datetime(2032, 1, 5, 12, tzinfo=UTC)
MINUTE, FIVE, HOUR = timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=1)
NEVER = datetime(2200, 1, 1, tzinfo=UTC)
Row = tuple[str, Candle]


def candle(opened_at: datetime, price: int, volume: int = 1) -> Candle:
    low, high = Decimal(price - 2), Decimal(price + 3)
    return Candle(opened_at, Decimal(price), high, low, Decimal(price + 1), Decimal(volume), "stream")


def fold(parts: Sequence[Candle], opened_at: datetime) -> Candle:
    """Of parts in the order of time."""
    high, low = max(part.high for part in parts), min(part.low for part in parts)
    volume = sum((part.volume for part in parts), Decimal())
    return Candle(opened_at, parts[0].open, high, low, parts[-1].close, volume, "stream")


def folded(parts: Sequence[Candle], length: timedelta) -> list[Candle]:
    windows: dict[datetime, list[Candle]] = {}
    for part in parts:
        windows.setdefault(part.opened_at - (part.opened_at - NOON) % length, []).append(part)
    return [fold(of, opened_at) for opened_at, of in windows.items()]


def keep(cluster: PostgresCluster, rows: Sequence[Row]) -> None:
    """The bars of AAPL from NOON on are these, and no others."""
    values = ", ".join(
        f"('AAPL', '{interval}', '{one.opened_at}', {one.open}, {one.high}, {one.low}, {one.close},"
        f" {one.volume}, '{one.source}')"
        for interval, one in rows
    )
    forget = f"delete from market_bars where symbol = 'AAPL' and opened_at >= '{NOON}'"  # noqa: S608
    cluster.sql(f"{forget}; insert into market_bars values {values}")  # noqa: S608
    cluster.replicated()


@asynccontextmanager
async def store_at(cluster: PostgresCluster, now: datetime) -> AsyncIterator[CandleStore]:
    database = Database(Settings.from_environment(task_environment(cluster, None)))
    await database.open()
    try:
        yield CandleStore(database, clock=lambda: now)
    finally:
        await database.close()


@settings(max_examples=20, deadline=None)
@given(
    st.dictionaries(st.integers(0, 100), st.integers(3, 9), min_size=1),
    st.sampled_from(["5m", "1h"]),
    st.integers(0, 30),
)
def test_it_is_the_fold_of_the_minutes_that_no_written_bar_has(
    cluster: PostgresCluster, prices: dict[int, int], interval: str, behind: int
) -> None:
    """The stream has written the bars before the newest minute, which is `behind` the clock by so many."""
    minutes = [candle(NOON + at * MINUTE, prices[at]) for at in sorted(prices)]
    newest, length = minutes[-1].opened_at + MINUTE, PARTS[interval].length
    every = folded(minutes, length)
    written = [one for one in every if one.opened_at + length <= newest]
    going = [one for one in every if one not in written]
    keep(cluster, [*(("1m", one) for one in minutes), *((interval, one) for one in written)])

    async def ask() -> None:
        now = newest + min(behind * MINUTE, length)
        async with store_at(cluster, now) as store:
            found = await store.newest("AAPL", interval, NOON, NEVER, 100)
        assert found is not None
        assert [*found.closed] == written[::-1]
        made = found.unfinished
        assert ([] if made is None else [made.candle]) == going
        assert made is None or made.until == newest

    asyncio.run(ask())


async def test_quarters_that_are_over_are_closed_and_the_newest_goes_on(cluster: PostgresCluster) -> None:
    parts = [candle(NOON + number * FIVE, 100 + number) for number in range(5)]
    keep(cluster, [("5m", part) for part in parts])
    async with store_at(cluster, NOON + 6 * FIVE) as store:
        found = await store.newest("AAPL", "15m", NOON, NEVER, 100)
        before = await store.newest("AAPL", "15m", NOON, NOON + 3 * FIVE, 100)
    assert found is not None
    assert before is not None
    assert found.unfinished is not None
    first, newest = fold(parts[:3], NOON), fold(parts[3:], NOON + 3 * FIVE)
    assert (found.closed, found.unfinished.candle) == ([first], newest)
    assert (before.closed, before.unfinished) == (found.closed, None), "`to` ends before it"


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
async def test_quarters_of_days_ago_come_page_by_page(cluster: PostgresCluster, limit: int) -> None:
    """Some have one part alone, and the clock is days on."""
    places = [number for number in range(30) if number not in (4, 5, 9, 10, 11)]
    parts = [candle(NOON + number * FIVE, 100 + number) for number in places]
    keep(cluster, [("5m", part) for part in parts])
    seen, until = list[Candle](), NOON + timedelta(days=1)
    async with store_at(cluster, NOON + timedelta(days=9)) as store:
        whole = await store.newest("AAPL", "15m", NOON + FIVE, NEVER, 1000)
        while True:
            found = await store.newest("AAPL", "15m", NOON, until, limit)
            assert found is not None
            seen += found.closed
            if not found.more:
                break
            until = found.closed[-1].opened_at
    assert whole is not None
    assert whole.unfinished is not None
    made = folded(parts, 3 * FIVE)
    assert seen == made[-2::-1], "the newest goes on as long as no part comes after it"
    assert [*whole.closed] == made[-2:0:-1], "the first was opened before `from`"
    assert whole.unfinished.candle == made[-1]


async def test_times_beyond_all_bars_are_no_trouble(cluster: PostgresCluster) -> None:
    keep(cluster, [("5m", candle(NOON, 100))])
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    async with store_at(cluster, NOON) as store:
        found = await store.newest("AAPL", "15m", first, last, 5)
        none = await store.newest("AAPL", "15m", last - FIVE, last, 5)
    assert found is not None
    assert found.unfinished is not None
    assert none is not None
    assert (none.closed, none.unfinished) == ([], None)


async def test_of_minutes_and_of_what_nobody_knows_there_is_none(cluster: PostgresCluster) -> None:
    keep(cluster, [("1m", candle(NOON, 100)), ("1h", candle(NOON, 100))])
    async with store_at(cluster, NOON + HOUR + MINUTE) as store:
        for interval in ("1m", "1h"):
            found = await store.newest("AAPL", interval, NOON, NEVER, 100)
            assert found is not None
            assert (len(found.closed), found.unfinished) == (1, None)


async def test_a_client_sees_it_beside_the_candles(cluster: PostgresCluster, caches: CachePair) -> None:
    now = datetime.now(UTC)
    hour = now.replace(minute=0, second=0, microsecond=0)
    part = candle(hour, 100, 7)
    forget = "delete from market_bars where symbol = 'MSFT' and interval in ('1m', '1h')"
    prices = f"{part.open}, {part.high}, {part.low}, {part.close}, {part.volume}"
    cluster.sql(f"{forget}; insert into market_bars values ('MSFT', '1m', '{hour}', {prices}, 'stream')")  # noqa: S608
    cluster.replicated()
    told = {**task_environment(cluster, caches), "SERVICE_NAME": "market-data", "RATE_LIMITING": "false"}
    app = create_app(Settings.from_environment(told), MarketSettings.from_environment(told))
    async with client_of(app) as client:
        found = await body(client, {"symbol": "MSFT", "interval": "1h"})
    opened = hour.isoformat().replace("+00:00", "Z")
    assert (found["candles"], found["older"]) == ([], None)
    assert found["unfinished"] == {
        "opened_at": opened,
        "open": "100",
        "high": "103",
        "low": "98",
        "close": "101",
        "volume": "7",
        "source": "stream",
        "known_until": (hour + MINUTE).isoformat().replace("+00:00", "Z"),
    }


async def body(client: httpx.AsyncClient, query: dict[str, str]) -> Any:
    answer = await client.get("/market/candles", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()
