"""The generator, which is one and says so, and replays of what was said before."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice, pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from richesreach.core.events.scaled import ONE
from richesreach.core.events.schemas import TickBatch
from richesreach.core.sample_market import SAMPLES
from richesreach.market_data.intake import Intake
from richesreach.market_data.model import State
from richesreach.market_data.source import why_disabled
from richesreach.market_data.sources import generator
from richesreach.market_data.sources.generator import Generator
from richesreach.market_data.sources.replay import Replay, lines
from stream_client import eventually, packed
from vendors import listening_to

START = 1_700_000_000_000_000_000
SYMBOLS = ["AAPL", "MSFT", "BTC-USD"]


@given(st.integers(0, 2**31), st.integers(0, 500))
def test_the_same_seed_says_the_same_from_anywhere_on(seed: int, first: int) -> None:
    whole = list(islice(Generator(SYMBOLS, rate=1000, seed=seed).trades(START), first + 50))
    again = Generator(SYMBOLS, rate=1000, seed=seed)
    assert list(islice(again.trades(START), first, first + 50)) == whole[first:]


@given(st.integers(0, 2**31))
def test_each_symbol_counts_without_gaps_and_keeps_to_sensible_prices(seed: int) -> None:
    trades = list(islice(Generator(SYMBOLS, rate=1000, seed=seed).trades(START), 600))
    for symbol in SYMBOLS:
        own = [trade for trade in trades if trade.symbol == symbol]
        assert [trade.number for trade in own] == list(range(1, 201))
        for one, other in pairwise(own):
            assert abs(other.price - one.price) <= one.price // 10_000 + ONE // 100 * 2
            assert one.price > 0 < one.size
    assert [trade.happened for trade in trades] == [START + number * 1_000_000 for number in range(600)]


def test_prices_near_a_level_are_the_samples_of_their_time() -> None:
    levels = {symbol: SAMPLES[symbol].scaled_at for symbol in ("AAPL", "EURUSD")}
    adapter = Generator(list(levels), rate=2, levels=levels)
    trades = list(islice(adapter.trades(START), 400))
    assert list(islice(adapter.trades(START, 301), 99)) == trades[301:]
    for trade in trades:
        level = levels[trade.symbol](trade.happened)
        assert 0 < abs(trade.price - level) <= level // 10_000 + ONE // 10_000


def test_the_samples_are_those_of_the_seeded_database() -> None:
    when = datetime(2026, 7, 1, 13, tzinfo=UTC)
    for sample in SAMPLES.values():
        assert Decimal(sample.scaled_at(int(when.timestamp()) * 10**9)).scaleb(-8) == pytest.approx(
            sample.at(when), abs=Decimal("0.0001")
        )


@given(st.integers(0, 300), st.integers(0, 2))
def test_the_generator_goes_on_in_the_series_that_it_left(said: int, more: int) -> None:
    began = time.time_ns() - 60 * 10**9
    adapter = Generator(SYMBOLS, rate=3)
    sent = {symbol: said + (place < more) for place, symbol in enumerate(SYMBOLS)}
    assert adapter.go_on(began - int(said * 1e9), sent) == began - int(said * 1e9)
    again = next(adapter.trades(began, adapter._first))
    assert (again.symbol, again.number) == ("AAPL", said + 1)


def test_after_a_long_time_away_numbers_go_on_and_times_are_of_now() -> None:
    adapter = Generator(SYMBOLS, rate=3)
    began = adapter.go_on(time.time_ns() - 10**16, dict.fromkeys(SYMBOLS, 7))
    trade = next(adapter.trades(began, 21))
    assert trade.number == 8
    assert abs(trade.happened - time.time_ns()) < 10**10


def test_what_a_source_that_counts_says_again_is_a_duplicate() -> None:
    intake = Intake(generator.ABOUT, sent={"AAPL": 2})
    trades = list(islice(Generator(["AAPL"], rate=1).trades(START), 3))
    assert [tick.q for _, tick in intake.ticks(trades)] == [3]
    assert (intake.counts.duplicates, intake.counts.lost) == (2, 0)


def test_another_seed_says_something_else() -> None:
    one, other = (next(Generator(SYMBOLS, rate=1, seed=seed).trades(START)) for seed in (1, 2))
    assert one.price != other.price


def test_the_generator_runs_in_local_alone_and_says_what_it_is() -> None:
    assert why_disabled(generator.ABOUT, "prod", {}) == "runs in environment local alone"
    assert generator.ABOUT.licence == "generated: not market data"


async def test_the_generator_says_at_once_all_that_is_due_and_goes_on_after_what_was_said() -> None:
    ago = time.time_ns() - 1_000_000_000
    adapter = Generator(SYMBOLS, rate=9000, seed=7, start=ago, first=3000)
    async with listening_to(adapter) as heard:
        found = await heard.until(6000)
        assert (found[0].symbol, found[0].number) == ("AAPL", 1001)
        ticks = Intake(generator.ABOUT).ticks(found)
        assert len(ticks) == len(found)
        assert all(tick.t <= tick.r for _, tick in ticks)


def batch(*numbers: int, source: str = "finnhub") -> TickBatch:
    return msgspec.structs.replace(packed(*numbers), source=source, licence="theirs")


async def some(*batches: TickBatch) -> AsyncIterator[TickBatch | msgspec.DecodeError]:
    for each in batches:
        yield each


async def test_a_replay_says_what_was_said_with_its_numbers_and_licence() -> None:
    adapter = Replay("finnhub", "theirs", some(batch(1, 2), batch(3)), speed=None, shift=False)
    async with listening_to(adapter) as heard:
        found = await heard.until(3)
        await eventually(lambda: heard.source.state is State.IDLE, "it ends with its batches")
    assert [(trade.number, trade.happened) for trade in found] == [(n, START + n) for n in (1, 2, 3)]
    assert (adapter.about.name, adapter.about.licence) == ("replay.finnhub", "theirs")


async def test_a_replay_can_happen_now_at_another_speed() -> None:
    slow = packed(0, 40_000_000)
    before = time.time_ns()
    adapter = Replay("generator", "internal", some(slow), speed=4.0)
    async with listening_to(adapter) as heard:
        one, other = await heard.until(2)
    assert one.happened >= before
    assert other.happened - one.happened == 10_000_000


async def test_a_replay_of_one_source_refuses_ticks_of_another() -> None:
    adapter = Replay("finnhub", "theirs", some(batch(1, source="massive")), speed=None)
    async with listening_to(adapter) as heard:
        await eventually(lambda: heard.source.state is State.FAILED, "it fails")
        assert heard.source.why == "a replay of finnhub has ticks of massive"


async def test_a_file_is_replayed_and_its_broken_lines_are_told(tmp_path: Path) -> None:
    file = tmp_path / "ticks.jsonl"
    told = [msgspec.json.encode(batch(number)) for number in range(1, 601)]
    told[300] = b'{"type":"ticks"}'
    file.write_bytes(b"\n".join(told) + b"\n")
    async with listening_to(Replay("finnhub", "theirs", lines(file), speed=None)) as heard:
        found = await heard.until(599)
        await eventually(lambda: heard.source.state is State.IDLE, "it ends with the file")
        assert [rejection.reason for rejection in heard.rejections] == ["undecodable"]
        intake = Intake(heard.source.adapter.about)
        intake.ticks(found)
        assert intake.counts.lost == 1


@pytest.mark.parametrize("speed", [0.0, -1.0])
def test_a_speed_or_rate_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="must be above zero"):
        Replay("x", "y", some(), speed=speed)
    with pytest.raises(ValueError, match="must be above zero"):
        Generator(SYMBOLS, rate=speed)
