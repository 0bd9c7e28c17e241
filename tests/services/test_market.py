"""The market's tables, samples and reads."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest
from gateway_task import Environment, ServiceProcess, task_environment
from market_stores import Stores, stores
from postgres_servers import PostgresCluster
from richesreach.gateway.market import pages, writes
from richesreach.gateway.market.errors import CursorError, InvalidError, UnknownError
from richesreach.gateway.market.model import GENERATED, Bar, Interval, Period, Price
from richesreach.gateway.market.seed import INSTRUMENTS, WALKS, seed

NOW = datetime.now(UTC)


@pytest.fixture
async def opened(environment: Environment, database: PostgresCluster) -> AsyncIterator[Stores]:
    database.replicated()
    async with stores(environment) as found:
        await found.cache.invalidate(kinds=["prices", "predictions", "metrics", "static"])
        yield found


def test_only_environment_local_has_samples(empty_database: PostgresCluster) -> None:
    migration = ServiceProcess("richesreach.gateway.migrate", task_environment(empty_database, None))
    assert migration.wait() == 0, migration.output()
    assert empty_database.sql("select count(*) from market_symbols") == "0"


async def test_samples_that_are_recorded_again_change_nothing(
    opened: Stores, database: PostgresCluster
) -> None:
    tables = ("market_symbols", "market_bars", "market_signals", "market_performance", "market_prices")
    counted = " + ".join(f"(select count(*) from {table})" for table in tables)  # noqa: S608 (names of ours)
    before = database.sql(f"select {counted}")
    (price,) = await opened.market.prices(["AAPL"])
    assert price is not None
    await seed(opened.market, price.at)  # as the migration did, in the same hour
    assert database.sql(f"select {counted}") == before


async def test_every_sample_says_that_it_is_generated(opened: Stores) -> None:
    page = await opened.market.instruments_page()
    (price,) = await opened.market.prices(["AAPL"])
    (bars,) = await opened.market.newest_bars(["AAPL"], Interval.DAY, 5)
    (signals,) = await opened.market.newest_signals(["AAPL"], 5)
    (performance,) = await opened.market.performances(["AAPL"], Period.MONTH)
    assert price is not None
    assert performance is not None
    found = [*page.items, price, *bars, *signals, performance, *await opened.market.engines()]
    assert len(found) == 16 + 1 + 5 + 5 + 1 + 3
    assert {row.source for row in found} == {GENERATED}


async def test_a_price_is_read_from_the_database_once(opened: Stores) -> None:
    await opened.market.prices(["AAPL", "MSFT"])
    opened.database.read = None  # type: ignore[method-assign,assignment]  # whoever asks now fails
    prices = await opened.market.prices(["MSFT", "AAPL"])
    assert [price.symbol for price in prices if price] == ["MSFT", "AAPL"]


async def test_many_symbols_are_one_question_to_the_database(opened: Stores) -> None:
    asked = 0
    read = opened.database.read

    async def counted(work):  # type: ignore[no-untyped-def]
        nonlocal asked
        asked += 1
        return await read(work)

    opened.database.read = counted  # type: ignore[method-assign]
    found = await asyncio.gather(*(opened.market.prices([row.symbol]) for row in INSTRUMENTS))
    assert all(price is not None for (price,) in found)
    assert asked <= 3  # the cache's answers need not arrive in one moment


async def test_a_recorded_price_is_seen_at_once(opened: Stores, database: PostgresCluster) -> None:
    (before,) = await opened.market.prices(["TSLA"])
    assert before is not None
    await opened.market.record_prices([replace(before, price=before.price + 1)])
    database.replicated()
    (after,) = await opened.market.prices(["TSLA"])
    assert after is not None
    assert after.price == before.price + 1


async def test_an_older_price_does_not_replace_a_newer_one(opened: Stores, database: PostgresCluster) -> None:
    (before,) = await opened.market.prices(["SAP"])
    assert before is not None
    late = Price("SAP", Decimal(1), before.at - timedelta(seconds=1), "test")
    await opened.market.record_prices([late])
    database.replicated()
    assert await opened.market.prices(["SAP"]) == [before]


async def test_pages_of_signals_hold_each_once_from_the_newest_on(opened: Stores) -> None:
    found, cursor = [], None
    while True:
        page = await opened.market.signals_page(symbol="AAPL", first=40, after=cursor)
        found += page.items
        cursor = page.next
        if cursor is None:
            break
    everything = await opened.market.newest_signals(["AAPL"], 100)
    assert found == everything[0]
    assert found == sorted(found, key=lambda row: (row.at, row.id), reverse=True)


async def test_pages_of_bars_go_back_in_time_without_a_gap(opened: Stores) -> None:
    since = NOW - timedelta(days=30)
    first = await opened.market.bars("AAPL", Interval.DAY, since, NOW, first=10)
    second = await opened.market.bars("AAPL", Interval.DAY, since, NOW, first=10, after=first.next)
    days = [bar.opened_at for bar in (*first.items, *second.items)]
    assert days == [days[0] - timedelta(days=number) for number in range(20)]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "A" * 300,
        "bnVsbA",
        pages.by_name("symbol", "AAPL"),
        pages.by_time("bar", NOW),
        "WyJzaWduYWwiLDk5OTk5OTk5OTk5OTk5OTk5OTksIiJd",
    ],
)
async def test_a_cursor_that_is_none_of_the_list_is_refused(opened: Stores, cursor: str) -> None:
    with pytest.raises(CursorError):
        await opened.market.signals_page(after=cursor)


@pytest.mark.parametrize("first", [0, -1, 101, 2**40])
async def test_a_page_is_neither_empty_nor_too_large(opened: Stores, first: int) -> None:
    with pytest.raises(InvalidError):
        await opened.market.signals_page(first=first)


@pytest.mark.parametrize("symbol", ["", "NOSUCH", "A" * 21, "A\x00", "ß", "' or 1=1", "../AAPL"])
async def test_what_is_no_symbol_is_unknown(opened: Stores, symbol: str) -> None:
    with pytest.raises(UnknownError):
        await opened.market.instrument(symbol)


async def test_a_symbol_may_be_written_small(opened: Stores) -> None:
    assert (await opened.market.instrument("aapl")).symbol == "AAPL"


def test_bars_stand_in_a_partition_of_their_month(database: PostgresCluster) -> None:
    assert database.sql("select count(*) from market_bars_default") == "0"
    newest = database.sql("select to_char(max(opened_at at time zone 'UTC'), 'YYYYMM') from market_bars")
    assert int(database.sql(f"select count(*) from market_bars_{newest}")) > 0  # noqa: S608


async def test_a_bar_whose_low_is_above_its_close_is_refused(opened: Stores) -> None:
    bar = WALKS[0].bar(
        Interval.DAY, NOW.replace(hour=0, minute=0, second=0, microsecond=0), timedelta(days=1)
    )
    wrong: Bar = replace(bar, low=bar.high + 1)
    with pytest.raises(asyncpg.CheckViolationError):
        await opened.market._store.save(writes.BAR, [writes.values(wrong)])


def test_a_sample_follows_from_its_symbol_and_time_alone() -> None:
    when = datetime(2026, 11, 2, 13, tzinfo=UTC)
    assert [walk.at(when) for walk in WALKS] == [walk.at(when) for walk in WALKS]
    assert {bar.opened_at for bar in WALKS[0].bars(when)} < {
        *(bar.opened_at for bar in WALKS[0].bars(when)),
        *(bar.opened_at for bar in WALKS[0].bars(when + timedelta(days=1))),
    }


@pytest.mark.parametrize(("interval", "count"), [(Interval.DAY, 120), (Interval.HOUR, 72)])
async def test_samples_reach_back(opened: Stores, interval: Interval, count: int) -> None:
    since = NOW - timedelta(days=200)
    page = await opened.market.bars("MSFT", interval, since, NOW, first=100)
    assert len(page.items) == min(count, 100)
