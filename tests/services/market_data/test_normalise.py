"""Vendors' numbers become integers: exact where they have eight places, the nearest where they have more."""

import contextlib
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from richesreach.core.events.scaled import scaled, unscaled
from richesreach.market_data.normalise import MILLISECOND, UnfitError, price_of, size_of, time_of


@given(st.integers(1, 10**15 - 1), st.integers(0, 8))
def test_a_float_of_up_to_fifteen_digits_is_taken_exactly(digits: int, places: int) -> None:
    """So many digits a double keeps, whoever printed it: JSON of vendors holds such numbers."""
    written = Decimal(digits).scaleb(-places)
    assume(written < 92_233_720_368)
    assert price_of(float(written)) == scaled(written)


@given(st.decimals(min_value=Decimal("1E-8"), max_value=Decimal(10**10), allow_nan=False))
def test_further_places_are_rounded_to_the_nearest(value: Decimal) -> None:
    assert abs(unscaled(price_of(value)) - value) <= Decimal("5E-9")
    assert price_of(str(value)) == price_of(value)


@given(st.floats() | st.integers() | st.text() | st.decimals())
def test_whatever_is_said_is_a_price_in_range_or_unfit(value: float | str | Decimal) -> None:
    found = 1
    with contextlib.suppress(UnfitError):
        found = price_of(value)
    assert 0 < found < 2**63


def test_a_number_of_many_digits_is_named_by_its_beginning() -> None:
    for value in ("9" * 10_000, 10**5000, Decimal("1E+400")):
        with pytest.raises(UnfitError) as unfit:
            price_of(value)
        assert len(str(unfit.value)) < 100


@pytest.mark.parametrize(
    "value", [0, 0.0, -1.5, 4e-9, float("nan"), float("inf"), 1e300, "no", "", "NaN", Decimal("-1")]
)
def test_what_no_price_can_be_is_unfit(value: float | str | Decimal) -> None:
    with pytest.raises(UnfitError):
        price_of(value)


def test_a_size_may_be_nothing_and_never_less() -> None:
    assert size_of(0) == 0
    assert size_of("0.00000001") == 1
    with pytest.raises(UnfitError, match="below zero"):
        size_of(-1)


@pytest.mark.parametrize("value", [0, 1_700_000_000, 1_700_000_000_000_000, -5])
def test_a_time_in_another_unit_is_unfit(value: int) -> None:
    assert time_of(1_700_000_000_123, MILLISECOND) == 1_700_000_000_123_000_000
    with pytest.raises(UnfitError, match="another unit"):
        time_of(value, MILLISECOND)
