"""Clocks that differ, vendors that limit us, and waits that grow."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from richesreach.core.limits.gcra import Tier
from richesreach.core.vendors.pace import Backoff, Pace
from richesreach.market_data.clock import MOST_LEAD, SECOND, WINDOW, FutureError, Skew

START = 1_700_000_000 * SECOND


@given(st.lists(st.tuples(st.integers(0, 200 * SECOND), st.integers(-MOST_LEAD, 10 * SECOND)), max_size=50))
def test_no_tick_has_happened_after_it_was_received(steps: list[tuple[int, int]]) -> None:
    skew, now = Skew(), START
    for passed, delay in steps:
        now += passed
        skew.turn(now)
        assert skew.corrected(now - delay, now) <= now
        assert 0 <= skew.lead <= MOST_LEAD


@given(st.lists(st.integers(0, 10 * SECOND), min_size=1))
def test_a_clock_that_is_not_ahead_is_left_alone(delays: list[int]) -> None:
    skew = Skew()
    assert [skew.corrected(START - delay, START) for delay in delays] == [START - delay for delay in delays]


def test_a_clock_that_is_ahead_is_put_back_for_all_its_ticks() -> None:
    skew, lead = Skew(), SECOND // 2
    skew.corrected(START + lead, START)
    assert skew.corrected(START + SECOND + lead - 7, START + SECOND) == START + SECOND - 7


def test_a_clock_that_was_set_right_is_trusted_again_after_a_while() -> None:
    skew = Skew()
    skew.corrected(START + SECOND, START)
    for later in (WINDOW, 2 * WINDOW, 3 * WINDOW):
        skew.turn(START + later + later // WINDOW)
        skew.corrected(START + later, START + later + 1)
    now = START + 4 * WINDOW
    assert skew.corrected(now, now + 2) == now


def test_one_tick_from_the_far_future_moves_no_other() -> None:
    skew = Skew()
    with pytest.raises(FutureError, match=r"happened 3600\.000 s after it was received"):
        skew.corrected(START + 3600 * SECOND, START)
    assert skew.corrected(START - 5, START) == START - 5


class Clock:
    """A clock that only sleepers move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@given(st.integers(1, 500), st.integers(1, 90), st.integers(1, 20), st.integers(1, 60))
def test_a_vendor_is_asked_no_oftener_than_agreed(quota: int, seconds: int, burst: int, asked: int) -> None:
    clock = Clock()
    pace = Pace(Tier("vendor", quota, seconds, burst), now=clock.time, sleep=clock.sleep)

    async def ask() -> list[float]:
        times = []
        for _ in range(asked):
            await pace.turn()
            times.append(clock.now)
        return times

    times = asyncio.run(ask())
    for begin, first in enumerate(times):
        for count, last in enumerate(times[begin:], 1):
            assert count <= burst + (last - first) * quota / seconds + 1e-3


def test_whoever_asks_slowly_does_not_wait() -> None:
    clock = Clock()
    pace = Pace(Tier("vendor", 1, 12, 1), now=clock.time, sleep=clock.sleep)

    async def ask() -> None:
        for _ in range(5):
            await pace.turn()
            clock.now += 12

    asyncio.run(ask())
    assert pace.waited == 0


def test_waits_grow_up_to_the_longest_and_begin_anew_after_success() -> None:
    backoff = Backoff(first=1.0, longest=8.0, chance=lambda: 1.0)
    assert [backoff.next() for _ in range(6)] == [1, 2, 4, 8, 8, 8]
    backoff.reset()
    assert backoff.next() == 1


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 2000))
def test_jitter_takes_away_at_most_half(chance: float, failures: int) -> None:
    backoff = Backoff(first=1.0, longest=8.0, chance=lambda: chance)
    for _ in range(failures):
        backoff.next()
    assert min(8.0, 2.0 ** min(failures, 10)) / 2 <= backoff.next() <= 8.0


def test_a_vendor_that_says_how_long_is_obeyed() -> None:
    assert Backoff(chance=lambda: 0.0).next(least=120.0) == 120.0
