"""A plan that tells late has not yet what was just missed: it is asked again, and nothing is said twice."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from richesreach.market_data import owed
from richesreach.market_data.intake import REMEMBERED, Intake
from richesreach.market_data.model import Trade
from richesreach.market_data.owed import Owed, unnumbered
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
    found.said(missed)
    assert found.missing(made) == []


def test_what_comes_late_is_taken_after_more_trades_than_are_remembered() -> None:
    intake = Intake(ABOUT)
    intake.ticks([trade(number) for number in range(1000, 1000 + 2 * REMEMBERED)])
    assert intake.ticks([trade(3)]) == []
    assert len(intake.ticks(unnumbered([trade(3)]))) == 1
