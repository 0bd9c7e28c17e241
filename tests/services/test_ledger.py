"""Loss is counted, not assumed: in whatever order ticks come, received and missing are what was sent."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from richesreach.core.events import ledger
from richesreach.core.events.ledger import Account, Ledger, Verdict


@st.composite
def journeys(draw: st.DrawFn) -> tuple[int, list[int]]:
    """How many were sent from 1 on, and their numbers as they came: lost, repeated, and in any order."""
    sent = draw(st.integers(0, 60))
    if sent == 0:
        return 0, []
    came = draw(st.lists(st.integers(1, sent), max_size=150))
    return sent, came


@given(journeys())
def test_what_was_received_and_what_is_lost_are_what_was_sent(journey: tuple[int, list[int]]) -> None:
    sent, came = journey
    account = Account()
    for number in came:
        account.take(number)
    assert account.received == len(set(came))
    assert account.received + account.lost(sent) == sent
    assert account.received + account.duplicates == len(came)
    assert account.received + account.missing == account.next - account.first


@given(journeys())
def test_each_number_is_handled_exactly_once(journey: tuple[int, list[int]]) -> None:
    account, handled = Account(), []
    for number in journey[1]:
        if account.take(number) is not Verdict.DUPLICATE:
            handled.append(number)
    assert sorted(handled) == sorted(set(journey[1]))


@given(journeys())
def test_a_late_number_is_one_that_fills_a_gap(journey: tuple[int, list[int]]) -> None:
    account, highest, seen = Account(), 0, set[int]()
    for number in journey[1]:
        expected = Verdict.DUPLICATE if number in seen else Verdict.LATE if number < highest else Verdict.NEW
        assert account.take(number) is expected
        seen.add(number)
        highest = max(highest, number)


@given(journeys())
def test_all_up_to_the_contiguous_number_have_come(journey: tuple[int, list[int]]) -> None:
    account = Account()
    for number in journey[1]:
        account.take(number)
    seen = set(journey[1])
    assert seen.issuperset(range(1, account.contiguous + 1))
    assert account.contiguous + 1 not in seen


@given(journeys(), st.integers(0, 150))
def test_a_snapshot_goes_on_as_if_nothing_had_happened(journey: tuple[int, list[int]], cut: int) -> None:
    whole, parted = Account(), Account()
    for number in journey[1]:
        whole.take(number)
    for number in journey[1][:cut]:
        parted.take(number)
    parted = msgspec.json.decode(msgspec.json.encode(parted), type=Account)
    for number in journey[1][cut:]:
        parted.take(number)
    assert parted == whole


def test_a_hole_at_every_second_number_fills_no_memory_and_stays_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger, "MOST_GAPS", 4)
    account = Account()
    for number in range(2, 2002, 2):
        account.take(number)
    assert len(account.gaps) == 4
    assert account.missing == 1000
    assert account.take(1) is Verdict.DUPLICATE, "its gap is forgotten: it is lost, and dropped"
    assert account.received + account.missing == 2000


def test_a_reader_that_joins_later_loses_nothing_of_what_was_before() -> None:
    ledger = Ledger(from_first=True)
    for number in (500, 501, 503):
        ledger.take("finnhub", "AAPL", number)
    (loss,) = ledger.losses()
    assert (loss.received, loss.missing) == (3, 1)


def test_loss_is_told_by_source_and_symbol_and_knows_symbols_that_never_came() -> None:
    ledger = Ledger()
    for source, symbol, number in (("a", "X", 1), ("a", "X", 3), ("b", "X", 1), ("b", "X", 1)):
        ledger.take(source, symbol, number)
    told = {("a", "X"): 5, ("a", "Y"): 7}
    found = [
        (loss.source, loss.symbol, loss.received, loss.missing, loss.duplicates)
        for loss in ledger.losses(told)
    ]
    assert found == [("a", "X", 2, 3, 0), ("a", "Y", 0, 7, 0), ("b", "X", 1, 0, 1)]
