"""Bars in Postgres: written once, whoever says them again."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast
from unittest.mock import AsyncMock

import msgspec
import pytest
from bars_table import MINUTE, asked
from gateway_task import task_environment
from lakes import HOUR, NOON, Given, bar, place_of
from postgres_servers import PostgresCluster
from prometheus_client import CollectorRegistry
from richesreach.core.database import Database, DatabaseUnavailableError
from richesreach.core.events import Events
from richesreach.core.events.schemas import Bar, DeadLetter
from richesreach.history import backfill
from richesreach.history.backfill import arguments, fill
from richesreach.history.bars import BarStore, BarWorker, UnfitBarError, fitting
from richesreach.history.lake.layouts import BARS
from richesreach.history.lake.store import LakeStore
from richesreach.history.lake.writer import Limits, opened
from richesreach.history.metrics import HistoryMetrics


@pytest.fixture
def worker(kept: Database) -> BarWorker:
    return BarWorker(
        BarStore(kept, "stream"), group="g", events=None, metrics=HistoryMetrics(CollectorRegistry())
    )


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


@pytest.mark.parametrize("apart", [True, False])
async def test_a_bar_of_a_part_of_its_ticks_takes_no_place_where_none_has_a_volume(
    apart: bool, kept: Database, worker: BarWorker
) -> None:
    whole = bar(0, MINUTE, high="190", low="186", volume="0", ticks=100)
    part = bar(1, MINUTE, close="187", low="187", volume="0", ticks=3)
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
        ({"high": "999999999999.999999999"}, "more than 12 digits"),
        ({"volume": "99999999999999999999.999999999"}, "more than 20 digits"),
    ],
)
def test_a_bar_that_the_table_would_refuse_says_why(changed: dict[str, str], reason: str) -> None:
    with pytest.raises(UnfitBarError, match=reason):
        fitting(msgspec.json.decode(bar(0, MINUTE, **changed).value(), type=Bar))


class Letters:
    """The topic dlq."""

    def __init__(self) -> None:
        self.offsets: list[int] = []

    async def publish(self, _topic: object, _key: str, letter: DeadLetter) -> None:
        self.offsets.append(letter.offset)


async def test_what_nobody_can_read_is_buried_once_however_often_its_batch_is_tried(kept: Database) -> None:
    letters, store = Letters(), BarStore(kept, "stream")
    worker = BarWorker(
        store,
        group="g",
        events=cast("Events", letters),
        metrics=HistoryMetrics(CollectorRegistry()),
    )
    batch = [Given(0, b"{", 0), bar(1, MINUTE), Given(2, b"{", 0)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "save", AsyncMock(side_effect=DatabaseUnavailableError("away")))
        for _ in range(3):
            with pytest.raises(DatabaseUnavailableError):
                await worker.take(batch)
    await worker.take(batch)
    assert letters.offsets == [0, 2]
    assert worker.done() == {0: 3}


def test_a_bar_is_rounded_as_the_table_does() -> None:
    given = {"volume": "0.000000005", "low": "1E-20000", "high": "999999999999.99999999"}
    found = fitting(msgspec.json.decode(bar(0, MINUTE, **given).value(), type=Bar))
    assert (found.volume, found.low, found.high) == (Decimal("1E-8"), 0, Decimal("999999999999.99999999"))


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


@pytest.mark.parametrize(("late", "found"), [(25, 1), (30, 0)])
async def test_bars_that_were_made_after_an_outage_are_found_as_long_as_ticks_are_kept(
    late: int, found: int, kept: Database, store: LakeStore
) -> None:
    place, at = place_of(store, BARS), NOON + late * HOUR
    writer = opened(place, 0, origin="live", limits=Limits(), clock=lambda: at / 1000)
    writer.take(bar(0, MINUTE, at=at))
    writer.flush()
    since = datetime.fromtimestamp(NOON / 1000, UTC)
    bars = BarStore(kept, "stream")
    assert await fill(bars, place, since, since + timedelta(hours=1), frozenset()) == (found, 0)


async def test_the_days_of_a_backfill_of_long_ago_are_made(
    kept: Database, store: LakeStore, own_database: PostgresCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = opened(place_of(store, BARS), 0, origin="live", limits=Limits(), clock=lambda: NOON / 1000)
    writer.take(bar(0, MINUTE, interval="5m", volume="7"))
    writer.flush()
    monkeypatch.setattr(backfill, "lake_of", lambda _settings: store)
    for name, value in task_environment(own_database, None).items():
        monkeypatch.setenv(name, value)
    await backfill.main(arguments(["2026-01-01T12", "2026-01-01T13"]))
    found = await asked(kept, "select opened_at from market_bars where interval = '1d' and volume = 7")
    assert [row["opened_at"] for row in found] == [datetime(2026, 1, 1, tzinfo=UTC)]


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
