"""One price from several vendors: the outlier is named, and no minority moves it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from richesreach.core.events.scaled import ONE
from richesreach.core.events.schemas import PackedTick
from richesreach.market_data.consensus import OLDEST, Board, Consensus, Quote, consensus

NOW = 1_700_000_000_000_000_000
PRICES = st.integers(1, 10**6 * ONE)

FACTORS = st.sampled_from([0.5, 0.9, 1.1, 2.0])


def quotes(*prices: int) -> list[Quote]:
    return [Quote(f"vendor-{number}", price, NOW) for number, price in enumerate(prices)]


def agreed(*prices: int) -> Consensus:
    found = consensus(quotes(*prices), NOW)
    assert found is not None
    return found


@st.composite
def honest_and_not(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    honest = draw(st.lists(PRICES, min_size=1, max_size=7))
    return honest, draw(st.lists(PRICES, max_size=len(honest) - 1))


@given(honest_and_not())
def test_no_minority_moves_the_price_out_of_the_others_range(said: tuple[list[int], list[int]]) -> None:
    honest, wrong = said
    assert min(honest) <= agreed(*honest, *wrong).price <= max(honest)


@given(st.integers(ONE, 10**5 * ONE), st.lists(st.integers(-5, 5), min_size=3, max_size=7), FACTORS)
def test_one_vendor_that_is_far_off_is_named(price: int, pennies: list[int], factor: float) -> None:
    honest = [price + price * cent // 100_000 for cent in pennies]
    found = agreed(*honest, int(price * factor))
    assert [outlier.source for outlier in found.outliers] == [f"vendor-{len(honest)}"]
    assert found.outliers[0].away == pytest.approx(factor - 1, abs=1e-3)
    assert not found.disputed


@given(st.lists(PRICES, min_size=1, max_size=8), st.randoms())
def test_the_order_of_the_vendors_changes_nothing(prices: list[int], chance: object) -> None:
    given_ = quotes(*prices)
    shuffled = sorted(given_, key=lambda _quote: chance.random())  # type: ignore[attr-defined]
    assert consensus(shuffled, NOW) == consensus(given_, NOW)


@given(st.lists(PRICES, min_size=1, max_size=8), st.integers(1, 1000))
def test_in_another_currency_the_same_vendors_are_off(prices: list[int], factor: int) -> None:
    one, other = agreed(*prices), agreed(*(price * factor for price in prices))
    assert one.sources == other.sources
    assert 0 <= other.price - one.price * factor <= factor


@given(st.lists(PRICES, min_size=1, max_size=8))
def test_every_vendor_is_either_used_or_named(prices: list[int]) -> None:
    found = agreed(*prices)
    named = {outlier.source for outlier in found.outliers}
    assert named | set(found.sources) == {quote.source for quote in quotes(*prices)}
    assert not named & set(found.sources)
    assert found.sources, "somebody is always right"


def test_vendors_that_agree_to_the_cent_make_no_outlier_of_the_next_cent() -> None:
    assert agreed(18725 * 10**6, 18725 * 10**6, 18725 * 10**6, 18726 * 10**6).outliers == ()


def test_two_vendors_that_disagree_dispute_and_neither_is_named() -> None:
    found = agreed(100 * ONE, 110 * ONE)
    assert (found.price, found.outliers, found.disputed) == (105 * ONE, (), True)
    assert not agreed(100 * ONE, 100 * ONE + 1).disputed


def test_a_price_that_is_too_old_is_set_aside_and_named() -> None:
    given_ = [Quote("fresh", 100, NOW - OLDEST), Quote("old", 900, NOW - OLDEST - 1)]
    found = consensus(given_, NOW)
    assert found is not None
    assert (found.price, found.sources, found.stale) == (100, ("fresh",), ("old",))
    assert consensus(given_, NOW + OLDEST) is None


def test_a_board_keeps_the_newest_of_each_vendor() -> None:
    board = Board()
    for source, price, happened in (("a", 10, 2), ("a", 99, 1), ("b", 20, 2), ("b", 30, 3)):
        board.note(source, PackedTick(s="X", q=1, t=NOW + happened, r=NOW, p=price * ONE, z=0))
    found = board.price("X", NOW + 3)
    assert found is not None
    assert found.price == 20 * ONE
    assert board.price("Y", NOW) is None


@given(st.integers(ONE, 10**5 * ONE), st.integers(1, 3), st.sampled_from([1.01, 1.1, 2.0]))
def test_halves_that_disagree_dispute_what_lies_between_them(price: int, each: int, factor: float) -> None:
    found = agreed(*[price] * each, *[int(price * factor)] * each)
    assert (found.disputed, found.outliers) == (True, ())
