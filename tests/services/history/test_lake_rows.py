"""Rows and letters: what a column has room for is in the lake as it was said, and the rest is a letter."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from lakes import NOON, Given, bar, indicator, listed, place_of, rows, ticks
from prometheus_client import CollectorRegistry
from richesreach.core.events import Events
from richesreach.history.lake import parquet
from richesreach.history.lake.layouts import BARS, TECHNICAL_INDICATORS, TICKS
from richesreach.history.lake.manifests import FencedError, Place
from richesreach.history.lake.store import LakeStore
from richesreach.history.lake.worker import LakeWorker
from richesreach.history.lake.writer import Limits, PartitionWriter, bodies, opened
from richesreach.history.metrics import HistoryMetrics


def writer(place: Place, partition: int = 0) -> PartitionWriter:
    return opened(place, partition, origin="live", limits=Limits(), clock=lambda: NOON / 1000)


def offsets(place: Place) -> list[int]:
    return [offset for (offset,) in rows(place, "stream_offset")]


def take(found: PartitionWriter, messages: Sequence[Given]) -> None:
    for message in messages:
        found.take(message)
    found.flush()


class Letters:
    """Of the events, what goes to the dead letters."""

    def __init__(self) -> None:
        self.count = 0

    async def publish(self, *_: object) -> None:
        self.count += 1


async def test_a_letter_is_sent_before_a_file_covers_its_message(store: LakeStore) -> None:
    place, letters = place_of(store, TICKS), Letters()
    now = int(time.time() * 1000)
    worker = LakeWorker(
        place,
        group="g",
        origin="live",
        limits=Limits(rows=3),
        events=cast("Events", letters),
        metrics=HistoryMetrics(CollectorRegistry()),
        member="m",
    )
    await worker.take([ticks(0, 1, at=now), ticks(0, 2, at=now, number=1)])
    other = opened(place, 1, origin="live", limits=Limits())
    take(other, [ticks(offset, 1, at=now, number=1) for offset in range(3)])
    with pytest.raises(FencedError):
        await worker.take([Given(1, b"{", now), ticks(2, 3, at=now), ticks(1, 2, at=now, number=1)])
    assert worker.done()[0] == 3
    assert letters.count == 1


@pytest.mark.parametrize("volume", ["1E+21", "1E+999999", "NaN", "99999999999999999999.999999999"])
def test_a_bar_too_large_for_its_column_is_handed_back_and_holds_nothing_up(
    volume: str, store: LakeStore
) -> None:
    place = place_of(store, BARS)
    found = writer(place)
    take(found, [bar(0, 1, volume=volume), bar(1, 2)])
    assert [each.message.offset() for each in found.unreadable] == [0]
    assert offsets(place) == [1]


@pytest.mark.parametrize(
    ("volume", "kept"),
    [
        ("99999999999999999999.99999999", "99999999999999999999.99999999"),
        ("0.000000005", "0.00000001"),
        ("1E-400", "0.00000000"),
        ("-0", "0.00000000"),
        ("1E+19", "10000000000000000000.00000000"),
    ],
)
def test_a_number_is_kept_to_eight_places(volume: str, kept: str, store: LakeStore) -> None:
    place = place_of(store, BARS)
    take(writer(place), [bar(0, 1, volume=volume)])
    assert rows(place, "volume::varchar") == [(kept,)]


def test_bars_that_a_job_says_again_are_in_the_lake_once(store: LakeStore) -> None:
    place = place_of(store, BARS)
    take(writer(place), [bar(0, 1), bar(1, 2), bar(2, 2)])
    found = writer(place)
    take(found, [bar(3, 1), bar(4, 2), bar(5, 3), bar(6, 3, revision=1)])
    assert rows(place, "epoch_us(timestamp) // 60000000, revision") == [(1, 0), (2, 0), (3, 0), (3, 1)]
    assert found.counts.repeated == 2


@pytest.mark.parametrize(
    ("symbols", "found"), [((), [(0, "AAPL"), (1, "MSFT")]), (("MSFT", "TSLA"), [(1, "MSFT")])]
)
def test_of_a_file_the_bars_that_were_asked_for_are_read(
    symbols: tuple[str, ...], found: list[tuple[int, str]], store: LakeStore
) -> None:
    place = place_of(store, BARS)
    second = bar(2, 1, interval="1s", symbol="TSLA")
    take(writer(place), [bar(0, 0), bar(1, 1, symbol="MSFT"), second, bar(3, 60)])
    (body,) = bodies(place, tuple(listed(place)))
    since = datetime(1970, 1, 1, tzinfo=UTC)
    given = parquet.bars(body, since, since + timedelta(hours=1), {"1m"}, symbols)
    assert [(each.start // 60_000_000_000, each.symbol) for each in given] == found


def test_indicators_without_a_value_are_null(store: LakeStore) -> None:
    place = place_of(store, TECHNICAL_INDICATORS)
    take(writer(place), [indicator(0, 1, sma_20=1.5)])
    assert rows(place, "sma_20, rsi_14") == [(1.5, None)]
