"""From trades to ticks: numbered without gaps, each once, in our time, with what is refused counted."""

from hypothesis import given
from hypothesis import strategies as st
from richesreach.core.limits.gcra import Tier
from richesreach.market_data import intake
from richesreach.market_data.clock import MOST_LEAD, SECOND
from richesreach.market_data.intake import Intake
from richesreach.market_data.model import About, Rejection, Trade

NOW = 1_700_000_000_000_000_000
PACE = Tier("vendor", 1, 1, 1)
SKIPPING = About(name="vendor", licence="for tests", documentation="", pace=PACE)
CONTIGUOUS = About(name="replay", licence="for tests", documentation="", pace=PACE, contiguous=True)


def trade(number: int | None, symbol: str = "AAPL", happened: int = NOW) -> Trade:
    return Trade(symbol, "XNAS", 100, 1, happened, number)


def intake_of(about: About, **more: dict[str, int]) -> Intake:
    return Intake(about, now=lambda: NOW, **more)


SAID = st.lists(st.tuples(st.sampled_from(["AAPL", "MSFT"]), st.integers(1, 40)), max_size=120)


@given(SAID, st.integers(1, 7))
def test_our_numbers_count_without_gaps_by_symbol(said: list[tuple[str, int]], at_once: int) -> None:
    found, source = [], intake_of(SKIPPING)
    for begin in range(0, len(said), at_once):
        found += source.ticks([trade(number, symbol) for symbol, number in said[begin : begin + at_once]])
    for symbol in ("AAPL", "MSFT"):
        numbers = [tick.q for _, tick in found if tick.s == symbol]
        assert numbers == list(range(1, len(numbers) + 1))
        assert source.sent.get(symbol, 0) == len(numbers)
    assert len(found) == len(set(said))
    assert source.counts.taken + source.counts.duplicates == len(said)


@given(SAID)
def test_of_a_source_that_counts_itself_the_loss_is_known(said: list[tuple[str, int]]) -> None:
    source = intake_of(CONTIGUOUS)
    found = source.ticks([trade(number, symbol) for symbol, number in said])
    assert {(tick.s, tick.q) for _, tick in found} <= set(said)
    expected = 0
    for symbol in ("AAPL", "MSFT"):
        numbers = [number for other, number in said if other == symbol]
        if numbers:
            # The first that comes is where this run begins; what is before it is said again, or nobody's.
            since = {number for number in numbers if number >= numbers[0]}
            expected += max(since) - numbers[0] + 1 - len(since)
    assert source.counts.lost == expected


def test_a_source_that_counts_itself_gives_the_same_numbers_after_a_restart() -> None:
    said = [trade(number) for number in range(1, 10)]
    before = intake_of(CONTIGUOUS).ticks(said[:6])
    after = intake_of(CONTIGUOUS).ticks(said[3:])
    assert [tick.q for _, tick in before] == [1, 2, 3, 4, 5, 6]
    assert [tick.q for _, tick in after] == [4, 5, 6, 7, 8, 9]


def test_after_a_restart_it_goes_on_from_our_last_number() -> None:
    source = intake_of(SKIPPING, sent={"AAPL": 41})
    assert [tick.q for _, tick in source.ticks([trade(None), trade(None)])] == [42, 43]


def test_trades_without_a_number_are_all_taken() -> None:
    assert len(intake_of(SKIPPING).ticks([trade(None)] * 5)) == 5


def test_a_number_older_than_all_that_are_remembered_is_not_taken_twice() -> None:
    source = intake_of(SKIPPING)
    source.ticks([trade(number) for number in range(intake.REMEMBERED + 10)])
    assert source.ticks([trade(3)]) == []
    assert source.counts.duplicates == 1


def test_trades_that_are_older_than_the_watermark_waits_for_are_counted_and_taken() -> None:
    source = intake_of(SKIPPING)
    times = [NOW, NOW - intake.LATE - 1, NOW - intake.LATE]
    found = source.ticks([trade(number, happened=happened) for number, happened in enumerate(times)])
    assert [tick.t for _, tick in found] == times
    assert source.counts.late == 1


def test_a_trade_from_the_future_goes_to_the_dead_letters_and_takes_no_number() -> None:
    told: list[Rejection] = []
    source = Intake(SKIPPING, reject=told.append, now=lambda: NOW)
    found = source.ticks([trade(1, happened=NOW + 10**13), trade(2)])
    assert [tick.q for _, tick in found] == [1]
    assert (told[0].reason, "after it was received" in told[0].error) == ("refused", True)
    assert source.counts.refused == 1


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 9 * 10**18), st.integers(0, 9 * 10**18))))
def test_what_cannot_be_true_is_refused_before_anybody_hears_of_it(said: list[tuple[int, int, int]]) -> None:
    """Seconds ahead, price and size, both times 10^8."""
    refused: list[Rejection] = []
    source = Intake(SKIPPING, reject=refused.append, now=lambda: NOW)
    trades = [Trade("AAPL", "V", price, size, NOW + ahead * SECOND) for ahead, price, size in said]
    sound = source.sound(trades)
    assert sound == [
        trade for trade in trades if trade.happened <= NOW + MOST_LEAD and trade.price * trade.size <= 10**31
    ]
    assert len(refused) == source.counts.refused == len(trades) - len(sound)
    assert len(source.ticks(sound)) == len(sound)
