"""Accounting of sequence numbers: what came twice, and what never came."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from richesreach.stream import sequences
from richesreach.stream.sequences import Sequences, contiguous
from richesreach.stream.ticks import Ticks

Number = tuple[int, int, int]  # source, symbol, sequence
numbers = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 30)), max_size=120)


def ticks_of(some: list[Number]) -> Ticks:
    source, symbol, sequence = np.array(some, np.int64).reshape(-1, 3).T
    nothing = np.zeros(len(some), np.int64)
    return Ticks(np.stack([symbol, source, sequence, *[nothing] * 5]))


@settings(max_examples=300)
@given(numbers, st.integers(1, 120))
def test_news_and_losses_are_those_of_a_set_of_all_that_came(some: list[Number], portion: int) -> None:
    account, seen = Sequences(2, 3), set[Number]()
    for start in range(0, len(some), portion):
        part = some[start : start + portion]
        expected = []
        for number in part:
            expected.append(number not in seen)
            seen.add(number)
        assert account.admit(ticks_of(part)).tolist() == expected
    for source, symbol in np.ndindex(2, 3):
        came = sorted(number for one, other, number in seen if (one, other) == (source, symbol))
        missing = [n for n in range(came[0], came[-1]) if n not in came] if came else []
        assert account.lost(source, symbol) == len(missing)
        highest = -1 if not came else missing[0] - 1 if missing else came[-1]
        assert contiguous(account)[source, symbol] == highest
    assert account.all_lost() == sum(account.lost(*pair) for pair in np.ndindex(2, 3))


def test_numbers_before_the_first_are_no_loss_and_still_news() -> None:
    account = Sequences(1, 1)
    assert account.admit(ticks_of([(0, 0, 1_000_000), (0, 0, 1_000_001)])).all()
    assert account.all_lost() == 0
    assert account.admit(ticks_of([(0, 0, 999_998)])).all()
    assert account.all_lost() == 1


def test_gaps_beyond_what_is_kept_are_lost_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "MOST_GAPS", 3)
    account = Sequences(1, 1)
    account.admit(ticks_of([(0, 0, number) for number in range(0, 20, 2)]))
    assert len(account.gaps[0, 0]) == 3
    assert account.all_lost() == 9
    assert account.admit(ticks_of([(0, 0, 1), (0, 0, 17)])).tolist() == [False, True]
    assert account.all_lost() == 8


def test_room_for_more_symbols_and_sources_keeps_what_came() -> None:
    account = Sequences(1, 2)
    account.admit(ticks_of([(0, 1, 0), (0, 1, 1), (0, 1, 3)]))
    account.reserve(2, 8)
    assert account.admit(ticks_of([(0, 1, 3), (1, 1, 3), (0, 7, 0), (0, 1, 2)])).tolist() == [
        False,
        True,
        True,
        True,
    ]
    assert account.all_lost() == 0


@settings(max_examples=100)
@given(numbers)
def test_what_is_lost_is_known_again_after_a_restart(some: list[Number]) -> None:
    account, again = Sequences(2, 3), Sequences(2, 3)
    account.admit(ticks_of(some))
    again.next[:], again.first[:] = account.next, account.first
    again.restore(account.gaps, account.given_up)
    assert again.losing == account.losing
    assert again.all_lost() == account.all_lost()


def test_a_pair_that_lacks_nothing_is_none_to_look_through() -> None:
    """Every symbol has a gap before its first number: a second's accounts would look through thousands."""
    account = Sequences(1, 2)
    account.admit(ticks_of([(0, 0, 5), (0, 1, 5), (0, 1, 7)]))
    assert account.losing == {(0, 1)}
    account.admit(ticks_of([(0, 1, 6)]))
    assert account.losing == set()
