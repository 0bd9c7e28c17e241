"""Prices as integers: exact both ways, refused where they would not be, and packed for the topic."""

import json
from decimal import Decimal

import jsonschema_rs
import msgspec
import pytest
from event_schemas import current
from hypothesis import given
from hypothesis import strategies as st
from richesreach.core.events.scaled import LEAST, MOST, ONE, ScaleError, partition_of, scaled, unscaled
from richesreach.core.events.schemas import MOST_TICKS, PackedTick, TickBatch
from richesreach.core.events.topics import MARKET_TICKS
from stream_client import packed

NUMBERS = st.integers(LEAST, MOST)


@given(NUMBERS)
def test_an_integer_comes_back_from_its_decimal(number: int) -> None:
    assert scaled(unscaled(number)) == number


@given(st.integers(-92_233_720_367, 92_233_720_367), st.integers(0, 99_999_999), st.integers(1, 8))
def test_a_decimal_of_eight_places_comes_back_from_its_integer(whole: int, part: int, places: int) -> None:
    value = Decimal(f"{whole}.{part % 10**places:0{places}d}")
    assert unscaled(scaled(value)) == value


@given(NUMBERS, NUMBERS)
def test_integers_are_in_the_order_of_their_decimals(one: int, other: int) -> None:
    assert (one < other) == (unscaled(one) < unscaled(other))


@pytest.mark.parametrize(
    "value", ["1E-9", "1.123456789", "92233720368.54775808", "1E+30", "1E+999999", "NaN", "Infinity"]
)  # fmt: skip
def test_what_has_no_exact_form_is_refused_by_name(value: str) -> None:
    with pytest.raises(ScaleError, match=r"has no exact form|does not fit") as refused:
        scaled(Decimal(value))
    assert value in str(refused.value)


def test_zeros_at_the_end_are_no_further_places() -> None:
    assert scaled(Decimal("187.2500000000")) == 18_725_000_000
    assert scaled(Decimal(1)) == ONE


def test_a_symbol_has_the_same_partition_everywhere() -> None:
    """Another function would part a symbol's history; the first is the check value of CRC-32 (ITU-T V.42)."""
    assert partition_of("123456789", 2**32) == 0xCBF43926
    assert [partition_of(symbol, 12) for symbol in ("AAPL", "MSFT", "BTC-USD", "BRK.B")] == [0, 7, 8, 0]


def test_a_batch_fits_the_schema_of_the_topic() -> None:
    batch = packed(1, 2)
    written = json.loads(msgspec.json.encode(batch))
    valid = jsonschema_rs.validator_for(current(MARKET_TICKS))
    valid.validate(written)
    assert written["type"] == "ticks"
    assert not valid.is_valid({**written, "ticks": [{**written["ticks"][0], "p": 187.25}]})
    assert not valid.is_valid({**written, "ticks": []})


def test_a_batch_is_read_as_it_was_written() -> None:
    batch = packed(1, 2, 3)
    assert msgspec.json.decode(msgspec.json.encode(batch), type=MARKET_TICKS.kinds) == batch


@pytest.mark.parametrize(
    ("change", "why"),
    [({"q": -1}, "q"), ({"z": -1}, "z"), ({"p": 2**63}, "p"), ({"t": 1.5}, "t"), ({"s": ""}, "s")],
)
def test_a_reader_refuses_a_batch_with_a_wrong_tick(change: dict[str, object], why: str) -> None:
    written = json.loads(msgspec.json.encode(packed(1)))
    written["ticks"][0].update(change)
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.ticks\[0\]\.{why}"):
        msgspec.json.decode(json.dumps(written), type=MARKET_TICKS.kinds)


def test_a_full_batch_fits_into_one_message() -> None:
    longest = PackedTick(s="W" * 32, q=2**63 - 1, t=2**63 - 1, r=2**63 - 1, p=-(2**63), z=2**63 - 1)
    batch = TickBatch(source="s" * 64, venue="v" * 64, licence="l" * 64, ticks=[longest] * MOST_TICKS)
    assert len(msgspec.json.encode(batch)) < 1_000_000
