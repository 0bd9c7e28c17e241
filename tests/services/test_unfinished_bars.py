"""Bars that go on still, as the gateway makes them of what there is of them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from gateway_task import task_environment
from postgres_servers import PostgresCluster
from richesreach.core.database import Database
from richesreach.core.settings import Settings
from richesreach.gateway.market import writes
from richesreach.gateway.market.model import Bar, Interval
from richesreach.gateway.market.store import MarketStore

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
FIVE, DAY = timedelta(minutes=5), timedelta(days=1)


@dataclass(frozen=True)
class Kept:
    """What the gateway reads, and the servers below it."""

    store: MarketStore
    cluster: PostgresCluster

    async def save(self, *bars: Bar) -> None:
        await self.store.make_partitions({each.opened_at.date().replace(day=1) for each in bars})
        await self.store.save(writes.BAR, [writes.values(each) for each in bars])
        self.cluster.replicated()

    async def newest(self, interval: Interval, count: int = 2) -> list[Bar]:
        return (await self.store.newest_bars(["AAPL"], interval, count))["AAPL"]


@pytest.fixture
async def kept(own_database: PostgresCluster) -> AsyncIterator[Kept]:
    """With samples, whose newest day is yesterday; it is noon."""
    database = Database(Settings.from_environment(task_environment(own_database, None)))
    await database.open()
    yield Kept(MarketStore(database, clock=lambda: TODAY + timedelta(hours=12)), own_database)
    await database.close()


def bar(opened_at: datetime, close: str, interval: Interval = Interval.FIVE_MINUTES) -> Bar:
    price = Decimal(close)
    return Bar("AAPL", interval, opened_at, price, price + 2, price - 2, price, Decimal(10), "stream")


async def test_today_is_the_sum_of_its_parts(kept: Kept) -> None:
    await kept.save(bar(TODAY + FIVE, "30"), bar(TODAY, "20"))
    today, yesterday = await kept.newest(Interval.DAY)
    made = (today.opened_at, today.open, today.high, today.low, today.close, today.volume)
    assert made == (TODAY, 20, 32, 18, 30, 20)
    assert (yesterday.opened_at, yesterday.source) == (TODAY - DAY, "generated")


async def test_a_day_that_is_written_is_not_made(kept: Kept) -> None:
    await kept.save(bar(TODAY - DAY, "20"), bar(TODAY, "30"), bar(TODAY, "25", Interval.DAY))
    today, yesterday = await kept.newest(Interval.DAY)
    assert (today.close, yesterday.source) == (25, "generated")


async def test_days_that_nobody_wrote_are_whole_or_absent(kept: Kept) -> None:
    forget = "delete from market_bars where interval = '1d' and opened_at >= $1"
    await kept.store.save(forget, [(TODAY - 5 * DAY,)])
    parts = [TODAY - number * DAY + timedelta(hours=hour) for number in range(5) for hour in (0, 12)]
    await kept.save(*(bar(at, "20") for at in parts))
    found = await kept.newest(Interval.DAY, 4)
    made = [(each.opened_at, each.volume) for each in found if each.source == "stream"]
    assert made == [(TODAY - number * DAY, 20) for number in range(3)]


async def test_quarters_of_an_hour_are_made_of_bars_of_five_minutes(kept: Kept) -> None:
    since = TODAY - timedelta(hours=1)
    await kept.save(*(bar(since + number * FIVE, str(20 + number)) for number in range(5)))
    later, first = await kept.newest(Interval.QUARTER_HOUR)
    assert [(each.opened_at - since, each.open, each.close) for each in (first, later)] == [
        (timedelta(0), 20, 22),
        (3 * FIVE, 23, 24),
    ]


async def test_quarters_of_days_ago_are_listed_once_they_are_over(kept: Kept) -> None:
    since = TODAY - 3 * DAY
    await kept.save(*(bar(since + number * FIVE, str(20 + number)) for number in range(8)))
    found = await kept.store.bars("AAPL", Interval.QUARTER_HOUR, since - DAY, TODAY, 2)
    assert [(each.opened_at - since, each.close) for each in found] == [(3 * FIVE, 25), (timedelta(0), 22)]
    older = await kept.store.bars("AAPL", Interval.QUARTER_HOUR, since - DAY, found[0].opened_at, 2)
    assert older == found[1:]


async def test_bars_of_a_minute_are_as_they_are_written(kept: Kept) -> None:
    await kept.save(bar(TODAY, "20", Interval.MINUTE))
    assert [each.close for each in await kept.newest(Interval.MINUTE)] == [20]
