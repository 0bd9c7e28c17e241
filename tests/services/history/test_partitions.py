"""The table of bars by months: kept as long as it is to be, and days that are over."""

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal

import asyncpg
import msgspec
import pytest
from bars_table import MINUTE, asked
from gateway_task import task_environment
from lakes import bar
from postgres_servers import PostgresCluster
from prometheus_client import CollectorRegistry
from richesreach.core.database import Connection, Database
from richesreach.core.events.schemas import Bar
from richesreach.history import partitions
from richesreach.history.bars import BarStore, BarWorker
from richesreach.history.days import make_days
from richesreach.history.metrics import HistoryMetrics
from richesreach.history.partitions import tend


@pytest.fixture
def worker(kept: Database) -> BarWorker:
    return BarWorker(
        BarStore(kept, "stream"), group="g", events=None, metrics=HistoryMetrics(CollectorRegistry())
    )


async def names(database: Database) -> list[str]:
    rows = await asked(
        database,
        "select relname from pg_inherits join pg_class c on c.oid = inhrelid"
        " where inhparent = 'market_bars'::regclass and relname <> 'market_bars_default' order by relname",
    )
    return [row["relname"] for row in rows]


async def test_months_ahead_are_made_with_the_rows_that_came_before_and_old_ones_dropped(
    kept: Database, worker: BarWorker
) -> None:
    before = await names(kept)
    # In 2030, for which there is no partition yet.
    early = MINUTE + 4 * 365 * 1440
    await worker.take([bar(0, early)])
    made, dropped = await tend(kept, date(2029, 12, 15), ahead=2, kept=1)
    assert made == ["market_bars_202912", "market_bars_203001", "market_bars_203002"]
    assert dropped == before
    assert await names(kept) == made
    (row,) = await asked(kept, "select tableoid::regclass::text as place from market_bars")
    assert row["place"].startswith("market_bars_20")


async def test_tending_twice_changes_nothing(kept: Database) -> None:
    await tend(kept, date(2026, 11, 1), ahead=3, kept=24)
    assert await tend(kept, date(2026, 11, 1), ahead=3, kept=24) == ([], [])


async def places(database: Database) -> list[str]:
    """Where the vendor's bars are."""
    rows = await asked(
        database, "select tableoid::regclass::text as place from market_bars where source = 'massive'"
    )
    return [row["place"] for row in rows]


async def test_months_that_came_late_get_partitions_and_go_when_they_are_too_old(kept: Database) -> None:
    vendor = BarStore(kept, "massive", overrules=True)
    begins = [datetime(*month, 2, 15, tzinfo=UTC) for month in ((2015, 3), (2024, 5), (2024, 6))]
    whole = msgspec.json.decode(bar(0, 0).value(), type=Bar)
    await vendor.save(
        [msgspec.structs.replace(whole, start=int(begin.timestamp()) * 10**9) for begin in begins]
    )
    made, _ = await tend(kept, date(2026, 6, 10), ahead=0, kept=24)
    assert "market_bars_202406" in made
    assert await places(kept) == ["market_bars_202406"]
    _, dropped = await tend(kept, date(2026, 7, 10), ahead=0, kept=24)
    assert "market_bars_202406" in dropped
    assert await places(kept) == []


async def test_a_bar_that_is_said_while_its_month_is_moved_goes_with_it(
    kept: Database, worker: BarWorker
) -> None:
    first = MINUTE + 4 * 365 * 1440
    await worker.take([bar(0, first)])
    said, begun = asyncio.Event(), asyncio.Event()

    async def say(connection: Connection) -> None:
        async with connection.transaction():
            await connection.execute(
                "insert into market_bars select symbol, interval, opened_at + interval '1 minute',"
                " open, high, low, close, volume, source from market_bars where opened_at > '2029-01-01Z'"
            )
            begun.set()
            await said.wait()

    saying = asyncio.create_task(kept.writer.run(say))
    await begun.wait()
    tending = asyncio.create_task(tend(kept, date(2029, 12, 15), ahead=0, kept=1))
    await asyncio.sleep(0.5)
    said.set()
    await saying
    assert (await tending)[0] == ["market_bars_202912"]
    assert await asked(kept, "select count(*) as n from market_bars_202912") == [(2,)]


async def test_days_are_made_where_the_partitions_failed(
    kept: Database, own_database: PostgresCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asked(kept, "delete from market_bars where interval = '1d'")
    yesterday = int(datetime.now(UTC).timestamp()) // 86400 * 1440 - 720
    await BarStore(kept, "stream").save(
        [msgspec.json.decode(bar(0, yesterday, **FIVE, volume="7").value(), type=Bar)]
    )

    async def failing(*_given: object, **_more: object) -> None:
        raise asyncpg.LockNotAvailableError("it is held")

    monkeypatch.setattr(partitions, "tend", failing)
    for name, value in task_environment(own_database, None).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(asyncpg.LockNotAvailableError):
        await partitions.main()
    assert len(await asked(kept, "select 1 from market_bars where interval = '1d' and volume = 7")) == 1


async def test_readers_go_on_while_one_of_them_keeps_an_old_month(
    kept: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "PAUSES", (0.1,))
    await tend(kept, date(2020, 1, 10), ahead=0, kept=1200)
    read, begun = asyncio.Event(), asyncio.Event()

    async def keep(connection: Connection) -> None:
        async with connection.transaction():
            await connection.execute("select from market_bars_202001")
            begun.set()
            await read.wait()

    reading = asyncio.create_task(kept.writer.run(keep))
    await begun.wait()
    tending = asyncio.create_task(tend(kept, date(2022, 3, 10), ahead=0, kept=24))
    await asyncio.sleep(0.5)
    await asked(kept, "select count(*) from market_bars where opened_at >= '2026-01-01Z'")
    with pytest.raises(asyncpg.LockNotAvailableError):
        await tending
    read.set()
    await reading
    assert await tend(kept, date(2022, 3, 10), ahead=0, kept=24) == ([], ["market_bars_202001"])


FIVE = {"interval": "5m"}


async def days(database: Database) -> list[tuple[Decimal, ...]]:
    rows = await asked(
        database,
        "select open, high, low, close, volume from market_bars where interval = '1d'"
        " and symbol = 'AAPL' and opened_at = '2026-01-01 00:00Z'",
    )
    return [tuple(row) for row in rows]


async def test_a_day_that_is_over_is_the_sum_of_its_parts(kept: Database, worker: BarWorker) -> None:
    await worker.take(
        [
            bar(0, MINUTE + 5, **FIVE, open="11", high="15", low="10", close="14", volume="3"),
            bar(1, MINUTE, **FIVE, open="12", high="12", low="8", close="11", volume="2"),
            bar(2, MINUTE + 1440, **FIVE, open="90", high="90", low="90", close="90"),
        ]
    )
    assert await make_days(kept, date(2025, 12, 1), date(2026, 1, 2), "stream") == 1
    assert await days(kept) == [(12, 15, 8, 14, 5)]
    assert await make_days(kept, date(2025, 12, 1), date(2026, 1, 2), "stream") == 0


async def test_a_day_of_another_source_stays(kept: Database, worker: BarWorker) -> None:
    whole = {"interval": "1d", **dict.fromkeys(("open", "high", "low", "close"), "20")}
    vendor = BarStore(kept, "massive", overrules=True)
    await vendor.save([msgspec.json.decode(bar(0, MINUTE - 720, **whole).value(), type=Bar)])
    await worker.take([bar(0, MINUTE, **FIVE)])
    assert await make_days(kept, date(2025, 12, 1), date(2026, 1, 2), "stream") == 0
    assert (await days(kept))[0][3] == 20
