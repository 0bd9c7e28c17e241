"""What an interruption hid is asked for again within bounds, said once, and told where it stays unknown."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
from richesreach.core.events.schemas import PackedTick, TickBatch
from richesreach.core.vendors.errors import SourceError, SourceLostError, SourceThrottledError
from richesreach.market_data import recovery
from richesreach.market_data.model import Trade
from richesreach.market_data.recovery import AT_ONCE, OLDEST, Gap, Known, Recovery, unknown_seconds

NOW = 1_795_000_000_000_000_000
SECOND = 1_000_000_000


def trade(symbol: str, happened: int, price: int = 100) -> Trade:
    return Trade(symbol, "massive-4", price, 1, happened)


class Vendor:
    """Tells the trades of each symbol in one page, and raises what it is given instead."""

    def __init__(self, said: Mapping[str, Sequence[int] | SourceError]) -> None:
        self.said = said
        self.asked: list[tuple[str, int]] = []

    async def pages(self, symbol: str, since: int) -> AsyncIterator[list[Trade]]:
        self.asked.append((symbol, since))
        await asyncio.sleep(0)
        found = self.said[symbol]
        if isinstance(found, SourceError):
            raise found
        yield [trade(symbol, happened) for happened in found]


def asking(vendor: Vendor) -> Recovery:
    return Recovery("massive", vendor.pages, str.lower)


async def test_trades_of_all_symbols_come_in_the_order_of_time() -> None:
    vendor = Vendor({"A": [NOW - 3, NOW - 1], "B": [NOW - 4, NOW - 2]})
    found, gaps = await asking(vendor).ask(dict.fromkeys("AB", NOW - SECOND), NOW, 0)
    assert [one.happened for one in found] == [NOW - 4, NOW - 3, NOW - 2, NOW - 1]
    assert gaps == []


async def test_the_symbol_that_was_away_longest_is_asked_for_first() -> None:
    vendor = Vendor(dict.fromkeys("ABC", ()))
    await asking(vendor).ask({"A": NOW - 2, "B": NOW - 9, "C": NOW - 5}, NOW, 0)
    assert [symbol for symbol, _ in vendor.asked] == ["B", "C", "A"]


async def test_what_is_too_long_ago_is_not_asked_for_and_told() -> None:
    vendor = Vendor(dict.fromkeys("AB", ()))
    long_ago = NOW - OLDEST - 60 * SECOND
    _, (gap,) = await asking(vendor).ask({"A": long_ago, "B": NOW - 5}, NOW, 0)
    assert (gap.named, gap.since, gap.until) == (["a"], long_ago, NOW - OLDEST)
    assert dict(vendor.asked) == {"A": NOW - OLDEST, "B": NOW - 5}


async def test_of_a_feed_that_tells_late_the_time_that_it_has_reached_counts() -> None:
    vendor = Vendor({"A": []})
    late = 900 * SECOND
    _, gaps = await asking(vendor).ask({"A": NOW - late - SECOND}, NOW, late)
    assert gaps == []


async def test_one_symbol_that_is_not_told_leaves_the_others() -> None:
    vendor = Vendor({"A": [NOW - 1], "B": SourceLostError("massive answers 500"), "C": [NOW - 2]})
    found, (gap,) = await asking(vendor).ask(dict.fromkeys("ABC", NOW - SECOND), NOW, 0)
    assert {one.symbol for one in found} == {"A", "C"}
    assert (gap.named, gap.since, gap.until, gap.why) == (["b"], NOW - SECOND, NOW, "massive answers 500")


async def test_a_vendor_that_asks_for_patience_is_asked_for_nothing_more() -> None:
    symbols = [f"S{number:02}" for number in range(AT_ONCE + 20)]
    vendor = Vendor({symbol: SourceThrottledError("massive asks for patience (429)") for symbol in symbols})
    found, (gap,) = await asking(vendor).ask(dict.fromkeys(symbols, NOW - SECOND), NOW, 0)
    assert found == []
    assert len(vendor.asked) == AT_ONCE
    assert gap.symbols == len(symbols)


async def test_what_takes_too_long_is_left_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "LONGEST", 0.2)

    class Slow(Vendor):
        async def pages(self, symbol: str, since: int) -> AsyncIterator[list[Trade]]:
            yield [trade(symbol, since + 1)]
            await asyncio.Event().wait()

    found, (gap,) = await asking(Slow({})).ask({"A": NOW - SECOND}, NOW, 0)
    assert len(found) == 1, "what has come by then is taken"
    assert gap.named == ["a"]
    assert "not told within" in gap.why


async def test_trades_of_an_interruption_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "MOST", 3)
    monkeypatch.setattr(recovery, "AT_ONCE", 1)
    vendor = Vendor({"A": [1, 2, 3, 4], "B": [1]})
    found, (gap,) = await asking(vendor).ask({"A": NOW - 2, "B": NOW - 1}, NOW, 0)
    assert len(found) == 4
    assert gap.named == ["a", "b"]


def test_a_trade_is_known_as_often_as_it_is_on_the_topic() -> None:
    now = time.time_ns() // 1_000_000 * 1_000_000
    ticks = [PackedTick("A", number, now, now, 100, 1) for number in (1, 2)]
    known = Known([TickBatch(source="massive", venue="massive-4", licence="x", ticks=ticks)])
    # Over REST with the time that the socket has cut to milliseconds.
    again = trade("A", now + 999_999)
    assert not known.take(trade("A", now, price=101))
    assert not known.take(trade("A", now + 1_000_000))
    assert [known.take(again) for _ in range(3)] == [True, True, False]


def gap(since: int, until: int, source: str = "massive", told: int = NOW) -> Gap:
    """Of a time in seconds from NOW on."""
    times = {"since": NOW + since * SECOND, "until": NOW + until * SECOND}
    return Gap(source=source, symbols=1, named=["A"], why="x", told=told, **times)


def test_what_several_gaps_hold_is_unknown_once() -> None:
    found = [gap(50, 60), gap(0, 10), gap(5, 8), gap(8, 12), gap(0, 1, "finnhub")]
    assert unknown_seconds(found, NOW) == {"massive": 22.0, "finnhub": 1.0}


def test_a_gap_counts_from_when_it_was_told_however_long_ago_it_was() -> None:
    assert unknown_seconds([gap(-9000, -8990), gap(0, 5, told=NOW - 1)], NOW) == {"massive": 10.0}


def test_a_gap_says_when_it_was_told() -> None:
    before = time.time_ns()
    told = Gap.of("massive", ["A"], NOW, NOW + 1, "x").told
    assert before <= told <= time.time_ns()
