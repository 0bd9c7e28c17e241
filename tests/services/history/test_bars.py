"""Bars in Postgres: written once, whoever says them again, and kept as long as they are to be."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import asyncpg
import msgspec
import pytest
from lakes import HOUR, NOON, Given, bar, place_of
from prometheus_client import CollectorRegistry
from richesreach.core.database import Connection, Database
from richesreach.core.events.schemas import Bar
from richesreach.history.backfill import arguments, fill
from richesreach.history.bars import BarStore, BarWorker, UnfitBarError, fitting
from richesreach.history.days import make_days
from richesreach.history.lake.layouts import BARS
from richesreach.history.lake.store import LakeStore
from richesreach.history.lake.writer import Limits, opened
from richesreach.history.metrics import HistoryMetrics
from richesreach.history.partitions import tend

MINUTE = 29_454_480  # of 2026-01-01 12:00 UTC since the epoch


@pytest.fixture
def worker(kept: Database) -> BarWorker:
    return BarWorker(
        BarStore(kept, "stream"), group="g", events=None, metrics=HistoryMetrics(CollectorRegistry())
    )


async def asked(database: Database, question: str) -> list[asyncpg.Record]:
    async def work(connection: Connection) -> list[asyncpg.Record]:
        return await connection.fetch(question)

    return await database.writer.run(work)


async def minutes(database: Database) -> list[tuple[Decimal, str]]:
    """Closes and sources of the bars of a minute."""
    rows = await asked(
        database, "select close, source from market_bars where interval = '1m' order by opened_at"
    )
    return [(row["close"], row["source"]) for row in rows]


@pytest.mark.timeout(120)
async def test_bars_are_written_once_and_a_revision_takes_the_place_of_the_first(
    kept: Database, worker: BarWorker
) -> None:
    await worker.take([bar(0, MINUTE), bar(1, MINUTE + 1), bar(2, MINUTE)])
    await worker.take([bar(0, MINUTE), bar(3, MINUTE + 1, close="187.5", high="188", revision=1)])
    assert await minutes(kept) == [(Decimal("187.25"), "stream"), (Decimal("187.5"), "stream")]
    assert worker.done() == {0: 4}


async def test_a_vendors_bar_takes_the_place_of_the_streams_and_stays(
    kept: Database, worker: BarWorker
) -> None:
    await worker.take([bar(0, MINUTE, volume="900")])
    vendor = BarStore(kept, "massive", overrules=True)
    await vendor.save([msgspec.json.decode(bar(0, MINUTE, close="187", low="187").value(), type=Bar)])
    await worker.take([bar(0, MINUTE, volume="9000")])
    assert await minutes(kept) == [(Decimal(187), "massive")]


@pytest.mark.parametrize("apart", [True, False])
async def test_a_bar_of_a_part_of_its_ticks_takes_no_place(
    apart: bool, kept: Database, worker: BarWorker
) -> None:
    whole, part = bar(0, MINUTE), bar(1, MINUTE, close="187", low="187", volume="400")
    for messages in ([whole], [part]) if apart else ([whole, part],):
        await worker.take(messages)
    assert await minutes(kept) == [(Decimal("187.25"), "stream")]


async def test_a_bar_of_all_its_ticks_takes_the_place_of_one_of_a_part(
    kept: Database, worker: BarWorker
) -> None:
    await worker.take([bar(0, MINUTE, close="187", low="187", volume="400")])
    await worker.take([bar(1, MINUTE)])
    assert await minutes(kept) == [(Decimal("187.25"), "stream")]


async def test_seconds_unknown_symbols_and_broken_messages_hold_nothing_up(
    kept: Database, worker: BarWorker
) -> None:
    second = bar(1, MINUTE, interval="1s")
    await worker.take(
        [bar(0, MINUTE, symbol="NOBODY"), second, Given(2, b"{", 0), bar(3, MINUTE, low="1E+13")]
    )
    await worker.take([bar(4, MINUTE)])
    assert len(await minutes(kept)) == 1


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"volume": "-1"}, "below zero"),
        ({"close": "200"}, "not between low and high"),
        ({"high": "1E+12"}, "more than 12 digits"),
    ],
)
def test_a_bar_that_the_table_would_refuse_says_why(changed: dict[str, str], reason: str) -> None:
    with pytest.raises(UnfitBarError, match=reason):
        fitting(msgspec.json.decode(bar(0, MINUTE, **changed).value(), type=Bar))


async def test_bars_of_the_lake_fill_the_database_and_a_second_time_change_nothing(
    kept: Database, store: LakeStore
) -> None:
    place = place_of(store, BARS)
    writer = opened(place, 0, origin="live", limits=Limits(), clock=lambda: NOON / 1000)
    for message in (bar(0, MINUTE), bar(1, MINUTE, interval="1s"), bar(2, MINUTE, symbol="MSFT")):
        writer.take(message)
    writer.take(bar(3, MINUTE + 60, at=NOON + HOUR))
    writer.flush()
    since = datetime.fromtimestamp(NOON / 1000, UTC)
    for _ in range(2):
        found = await fill(
            BarStore(kept, "stream"), place, since, since + timedelta(hours=1), frozenset({"AAPL"})
        )
        assert found == (1, 0)
    assert await minutes(kept) == [(Decimal("187.25"), "stream")]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (["2026-01-05", "2026-01-06T00"], "must be hours such as"),
        (["2026-01-06T00", "2026-01-05T00"], "must come after since"),
        (["2024-01-06T00", "2026-01-05T00"], "at most 366 days"),
    ],
)
def test_a_range_that_cannot_be_meant_is_refused_in_one_line(
    given: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments(given)
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err


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
    assert await make_days(kept, date(2026, 1, 2), "stream") == 1
    assert await days(kept) == [(12, 15, 8, 14, 5)]
    assert await make_days(kept, date(2026, 1, 2), "stream") == 0


async def test_a_day_of_another_source_stays(kept: Database, worker: BarWorker) -> None:
    whole = {"interval": "1d", **dict.fromkeys(("open", "high", "low", "close"), "20")}
    vendor = BarStore(kept, "massive", overrules=True)
    await vendor.save([msgspec.json.decode(bar(0, MINUTE - 720, **whole).value(), type=Bar)])
    await worker.take([bar(0, MINUTE, **FIVE)])
    assert await make_days(kept, date(2026, 1, 2), "stream") == 0
    assert (await days(kept))[0][3] == 20
