"""A plan that tells late has not yet what was just missed: it is asked again, and nothing is said twice."""

import asyncio
import contextlib
import time
from typing import Any, cast

import pytest
from aiohttp import ClientWebSocketResponse
from hypothesis import given
from hypothesis import strategies as st
from richesreach.core.events.schemas import PackedTick, TickBatch
from richesreach.core.vendors.http import VendorHttp
from richesreach.market_data import owed
from richesreach.market_data.intake import REMEMBERED, Intake
from richesreach.market_data.model import Trade
from richesreach.market_data.owed import Owed, Told, unnumbered
from richesreach.market_data.recovery import Behind, Known
from richesreach.market_data.sources.massive import ABOUT, LATE_SOCKET, SOCKET, Massive
from stream_client import eventually
from test_socket_vendors import KEY, massive_says, massive_trade
from vendors import Call, Talk, Vendor, listening_to, playing

MILLISECOND, SECOND = 1_000_000, 1_000_000_000
LATE = SECOND
NOON = 1_795_000_000_000_000_000


@pytest.fixture(autouse=True)
def in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is owed is due as soon as the plan is late."""
    monkeypatch.setattr(owed, "OVERLAP", 0)


def now_ms() -> int:
    return time.time_ns() // MILLISECOND


def says(number: int, *, stays: bool = True) -> Talk:
    """One trade of just now."""

    async def talk(call: Call) -> None:
        await massive_says([massive_trade(number, t=now_ms())], stays=stays)(call)

    return talk


def results(*numbers: int) -> tuple[int, Any, dict[str, str]]:
    """Trades over REST of the interruption that begins about now."""
    began = time.time_ns()
    found = [
        {"exchange": 4, "price": 100 + n, "size": 1, "sip_timestamp": began + n, "sequence_number": n}
        for n in numbers
    ]
    return 200, {"results": found}, {}


def late_massive(vendor: Vendor) -> Massive:
    return Massive(["AAPL"], KEY, vendor.url / "stocks", vendor.url, late=LATE)


async def test_what_the_vendor_has_not_yet_is_asked_for_again_when_it_can_have_it() -> None:
    back = list[int]()

    async def again(call: Call) -> None:
        back.append(time.time_ns())
        await says(9)(call)

    vendor = Vendor([says(1, stays=False), again], [results(), results(1, 2, 3, 9)])
    async with playing(vendor):
        adapter = late_massive(vendor)
        async with listening_to(adapter) as heard:
            await eventually(lambda: [t.number for t in heard.records] == [1, 9], "it is back")
            assert 0 < adapter.heard < back[0], "until then a successor would ask, too"
            found = await heard.until(4)
            assert time.time_ns() - back[0] > LATE // 2
            assert [t.price // 10**8 for t in found[2:]] == [102, 103], "1 and 9 were said already"
            await eventually(lambda: adapter.heard > back[0], "it is heard up to now")
            assert (adapter.gaps, len(vendor.requests)) == ([], 2)


async def test_what_fails_too_early_is_no_gap_before_it_is_due() -> None:
    vendor = Vendor([says(1, stays=False), says(9)], [(500, b"", {}), results(1, 2, 9)])
    async with playing(vendor):
        adapter = late_massive(vendor)
        async with listening_to(adapter) as heard:
            found = await heard.until(3)
            assert (found[-1].price, adapter.gaps) == (102 * 10**8, [])


async def test_what_never_comes_is_told_once_it_was_due() -> None:
    vendor = Vendor([says(1, stays=False), says(9)], [results(), (500, b"", {})])
    async with playing(vendor):
        adapter = late_massive(vendor)
        async with listening_to(adapter):
            await eventually(lambda: len(vendor.requests) == 1, "it is asked")
            assert adapter.gaps == [], "that it had nothing yet is no gap, and not that nothing was traded"
            await eventually(lambda: bool(adapter.gaps), "it has nothing when it is due, either")
            (gap,) = adapter.gaps
            assert (gap.named, gap.why) == (["AAPL"], "massive answers 500")


async def test_a_cut_before_it_is_due_forgets_nothing_and_says_nothing_twice() -> None:
    vendor = Vendor(
        [says(1, stays=False), says(5, stays=False), says(9)],
        [results(), results(), results(1, 2, 5, 7), results(5, 6, 7, 9)],
    )
    async with playing(vendor):
        adapter = late_massive(vendor)
        async with listening_to(adapter) as heard:
            found = await heard.until(6)
            await eventually(lambda: adapter._owed == [], "both interruptions are settled")
            assert [t.price // 10**8 for t in found[3:]] == [102, 106, 107]
            assert len(heard.records) == 6
            assert adapter.gaps == []


async def test_two_interruptions_without_a_trade_between_them_share_what_they_hid() -> None:
    vendor = Vendor(
        [says(1, stays=False), massive_says(stays=False), says(9)],
        [results(), results(), results(1, 2, 3), results(1, 2, 3, 4, 9)],
    )
    async with playing(vendor):
        adapter = late_massive(vendor)
        async with listening_to(adapter) as heard:
            await eventually(lambda: len(vendor.requests) == 4 and adapter._owed == [], "both are settled")
            prices = [t.price // 10**8 for t in heard.records if t.number is None]
            assert (prices, len(heard.records)) == ([102, 103, 104], 5)


async def test_what_the_vendor_can_tell_at_once_waits_for_nothing() -> None:
    vendor = Vendor([says(1, stays=False), says(9)], [results(1, 2), results(1, 2, 3, 9)])
    async with playing(vendor), listening_to(late_massive(vendor)) as heard:
        found = await heard.until(5)
        assert [t.number for t in found] == [1, 1, 2, 9, None]
        assert found[-1].price == 103 * 10**8


def old(number: int, since: int) -> dict[str, Any]:
    """A trade over REST, of a time in Unix nanoseconds."""
    return {
        "exchange": 4,
        "price": 100 + number,
        "size": 1,
        "sip_timestamp": since,
        "sequence_number": number,
    }


def stands(seconds: float | None) -> Talk:
    """Subscribed, without a word, until it is cut."""

    async def talk(call: Call) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(massive_says()(call), seconds)
            return
        call.cut()

    return talk


async def test_a_trade_that_was_reported_late_hides_no_other() -> None:
    """The last one before the cut is told seven seconds later than the plan tells."""
    happened = list[int]()

    async def first(call: Call) -> None:
        await massive_says([massive_trade(1, 101, t=now_ms() - 8000)], stays=False)(call)

    async def again(call: Call) -> None:
        happened.append(time.time_ns() - LATE)
        vendor.answers = [results(), (200, {"results": [old(2, happened[0])]}, {})]
        await massive_says([massive_trade(9, 109, t=now_ms() - 1000)])(call)

    vendor = Vendor([first, again])
    async with playing(vendor):
        adapter = late_massive(vendor)
        async with listening_to(adapter) as heard:
            found = await heard.until(3)
            assert {t.price // 10**8 for t in found} == {101, 102, 109}
            assert adapter.gaps == []


async def test_a_trade_of_the_future_hides_nothing_that_was_missed() -> None:
    now = now_ms()
    said = massive_says([massive_trade(1, t=now), massive_trade(2, t=now + 3_600_000)], stays=False)
    vendor = Vendor([said, stands(None)], [results()])
    async with playing(vendor), listening_to(late_massive(vendor)):
        await eventually(lambda: bool(vendor.requests), "it is asked")
        assert vendor.requests[0].query["timestamp.gte"] == str(now * MILLISECOND)


async def test_what_was_said_when_it_was_due_is_not_said_again_after_the_next_cut() -> None:
    """The symbol has been quiet since: it is asked for from before."""
    found = [old(1, 0), old(2, 0)]

    async def first(call: Call) -> None:
        began = now_ms()
        for number, each in enumerate(found):
            each["sip_timestamp"] = (began + number) * MILLISECOND
        await massive_says([massive_trade(1, 101, t=began)], stays=False)(call)

    vendor = Vendor([first, stands(2), stands(None)], [results(), (200, {"results": found}, {})])
    async with playing(vendor):
        adapter = late_massive(vendor)
        intake = Intake(ABOUT)
        async with listening_to(adapter) as heard:
            await eventually(lambda: len(vendor.requests) == 4 and adapter._owed == [], "both are settled")
            assert [tick.p // 10**8 for _, tick in intake.ticks(heard.records)] == [101, 102]


@pytest.mark.parametrize("late", [0, LATE])
async def test_what_a_successor_found_on_the_topic_is_not_said_again_after_its_first_cut(late: int) -> None:
    happened = now_ms() * MILLISECOND - late - 2 * SECOND
    tick = PackedTick("AAPL", 1, happened, happened, 101 * 10**8, 10**8)
    known = Known([TickBatch(source="massive", venue="massive-4", licence="l", ticks=[tick])])
    vendor = Vendor([stands(0.3), stands(None)], [(200, {"results": [old(1, happened)]}, {})])
    async with playing(vendor):
        adapter = Massive(["AAPL"], KEY, vendor.url / "stocks", vendor.url, late=late)
        adapter.resume(Behind(time.time_ns() - SECOND, {"AAPL": happened - SECOND}, late, known))
        async with listening_to(adapter) as heard:
            await eventually(lambda: len(vendor.requests) == (4 if late else 2), "all is asked")
            await eventually(lambda: adapter._owed == [] and adapter._stands, "all is settled")
            assert heard.records == []


async def test_what_is_due_does_not_wait_for_an_empty_socket() -> None:
    class Full:
        async def frame(self, _socket: Any) -> str:
            return "at once"

    adapter, http = Massive(["AAPL"], KEY, late=LATE), cast(VendorHttp, Full())
    socket = cast(ClientWebSocketResponse, None)
    now = time.time_ns()
    adapter._owed = [Owed(now, {"AAPL": now}, now + SECOND, LATE, Known(), {})]
    assert await adapter._frame(http, socket) == "at once"
    adapter._owed = [Owed(now, {"AAPL": now}, now - 2 * LATE, LATE, Known(), {})]
    assert await adapter._frame(http, socket) is None


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 50))), st.integers(0, 60))
def test_what_was_told_is_known_until_nobody_asks_for_it_again(
    said: list[tuple[int, int]], until: int
) -> None:
    trades = [Trade("AAPL", "massive-4", 100, 1, at, number) for number, at in dict(said).items()]
    told = Told()
    told.add(trades)
    assert all(each in told for each in trades)
    assert Trade("MSFT", "massive-4", 100, 1, 1, 1) not in told
    told.forget(until)
    assert [each in told for each in trades] == [each.happened >= until for each in trades]


def test_the_socket_is_that_of_the_plan() -> None:
    assert Massive(["AAPL"], KEY)._socket == SOCKET
    assert Massive(["AAPL"], KEY, late=LATE)._socket == LATE_SOCKET


def test_what_a_successor_cannot_read_back_is_told() -> None:
    adapter = Massive(["AAPL"], KEY, late=LATE)
    adapter.resume(Behind(NOON, {"AAPL": NOON + 60 * SECOND}, SECOND, Known(), {"AAPL": NOON + 60 * SECOND}))
    (gap,) = adapter.gaps
    assert (gap.named, gap.since, gap.until) == (["AAPL"], NOON - SECOND, NOON + 60 * SECOND)


def trade(number: int) -> Trade:
    return Trade("AAPL", "massive-4", 100, 1, NOON + number, number)


@given(st.sets(st.integers(1, 60), min_size=1), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_each_trade_is_said_once_wherever_the_cut_was(
    numbers: set[int], cut: int, hidden: int, told: int
) -> None:
    """Numbers up to `cut` came before it, those after `cut + hidden` once it was over; when it was asked
    first, the vendor had those up to `told`.
    """
    made = [trade(number) for number in sorted(numbers)]
    before = [one for one in made if (one.number or 0) <= cut]
    after = [one for one in made if (one.number or 0) > cut + hidden]
    at_once = [one for one in made if cut < (one.number or 0) <= min(told, cut + hidden)]
    low = max((one.number or 0 for one in before + at_once), default=-1)
    found = Owed(0, {}, NOON + 60, LATE, Known(), {"AAPL": low})
    found.after(after)
    missed = found.missing(made)
    assert sorted([*before, *at_once, *missed, *after], key=made.index) == made


def test_what_comes_late_is_taken_after_more_trades_than_are_remembered() -> None:
    intake = Intake(ABOUT)
    intake.ticks([trade(number) for number in range(1000, 1000 + 2 * REMEMBERED)])
    assert intake.ticks([trade(3)]) == []
    assert len(intake.ticks(unnumbered([trade(3)]))) == 1
