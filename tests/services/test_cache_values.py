"""How values and their keys stand in the cache: what goes in comes out, and no two places are one."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from richesreach.core.cache import KINDS, Format, keys
from richesreach.core.cache.codec import Entry, UnreadableError, decode, encode
from richesreach.core.cache.kinds import PRICES, kind_of
from richesreach.core.cache.local import LocalCache


@dataclass(frozen=True)
class Quote:
    symbol: str
    price: Decimal
    at: datetime
    order: UUID
    sizes: tuple[int, ...]
    note: str | None = None


zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
quotes = st.builds(
    Quote,
    symbol=st.text(),
    price=st.decimals(allow_nan=False),
    at=st.datetimes(timezones=zones),
    order=st.uuids(),
    sizes=st.lists(st.integers(-(2**63), 2**63 - 1)).map(tuple),
    note=st.none() | st.text(),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
finite = json_values.filter(lambda value: "inf" not in repr(value))
formats = st.sampled_from([Format.JSON, Format.MSGPACK])
symbols = st.text(min_size=1, max_size=12)


def stored(value: Any, form: Format) -> Entry:
    """An entry after its way through a server."""
    return Entry.unpack(Entry(encode(value, form), form, 1_767_225_600.125).pack())


@given(quotes, formats)
def test_a_dataclass_comes_back_as_it_was(quote: Quote, form: Format) -> None:
    found = decode(stored(quote, form), Quote)
    assert found == quote
    assert str(found.price) == str(quote.price)  # the number of digits is part of a price


@given(finite, formats)
def test_plain_json_comes_back_as_it_was(value: Any, form: Format) -> None:
    assert decode(stored(value, form), Any) == value


@given(st.floats())
def test_msgpack_keeps_every_float(value: float) -> None:
    found = decode(stored(value, Format.MSGPACK), float)
    assert repr(found) == repr(value)


@given(st.integers(0, 4_102_444_800_000), st.binary(), st.sampled_from(Format))
def test_an_entry_keeps_its_time_its_format_and_every_byte(at: int, payload: bytes, form: Format) -> None:
    entry = Entry(payload, form, at / 1000)
    assert Entry.unpack(entry.pack()) == entry


@given(st.binary())
def test_bytes_that_are_no_entry_are_unreadable_and_nothing_worse(raw: bytes) -> None:
    try:
        decode(Entry.unpack(raw), Quote)
    except UnreadableError:
        return
    pytest.fail("bytes by chance became a quote")


def test_a_value_of_an_older_form_is_unreadable() -> None:
    with pytest.raises(UnreadableError, match="price"):
        decode(stored({"symbol": "AAPL"}, Format.JSON), Quote)


def test_plain_json_of_another_program_is_fresh_for_as_long_as_it_is_there() -> None:
    entry = Entry.unpack(b'{"price": "1.5"}')
    assert decode(entry, Any) == {"price": "1.5"}
    assert entry.fresh_until == float("inf")


@pytest.mark.parametrize("value", [object(), {"when": object()}])
def test_what_no_format_holds_is_refused(value: Any) -> None:
    for form in (Format.JSON, Format.MSGPACK):
        with pytest.raises(TypeError):
            encode(value, form)


def test_the_keys_are_those_of_the_contract() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert keys.prices("BRK.B") == "prices:BRK.B"
    assert keys.features("AAPL", at) == "features:AAPL:1767225600000"
    assert keys.predictions("EUR/USD", "momentum") == "predictions:EUR/USD:momentum"
    assert keys.metrics("^GSPC", "30d") == "metrics:^GSPC:30d"
    assert keys.regime("BTC-USD") == "regime:BTC-USD"


@given(st.tuples(symbols, symbols), st.tuples(symbols, symbols))
def test_two_places_never_have_the_same_key(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (keys.predictions(*one) == keys.predictions(*other)) == (one == other)


@given(st.lists(st.sampled_from(["a", "%3A", "%", "a%3Aa"]), min_size=3, max_size=5), st.data())
def test_two_places_that_differ_in_where_they_are_parted_have_two_keys(
    pieces: list[str], data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(1, len(pieces) - 1), min_size=2, max_size=2, unique=True))
    places = {(":".join(pieces[:cut]), ":".join(pieces[cut:])) for cut in cuts}
    assert len({keys.predictions(*place) for place in places}) == len(places) == 2


@given(symbols, symbols)
def test_a_key_has_as_many_parts_as_its_contract(symbol: str, engine: str) -> None:
    key = keys.predictions(symbol, engine)
    assert key.count(":") == 2
    assert key.isascii()
    assert not any(character.isspace() for character in key)


@pytest.mark.parametrize("symbol", ["", "A" * 129])
def test_a_part_that_is_empty_or_too_long_is_refused(symbol: str) -> None:
    with pytest.raises(ValueError, match="1 to 128"):
        keys.prices(symbol)


def test_a_timestamp_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        keys.features("AAPL", datetime(2026, 1, 1))  # noqa: DTZ001 (the mistake)


TIERS = {
    "prices": (60, 60, 300),
    "features": (300, 300, 900),
    "regime": (300, 300, 900),
    "predictions": (60, 60, 600),
    "metrics": (3600, 3600, 3600),
    "esg": (3600, 3600, 3600),
    "static": (86_400, 86_400, 86_400),
}


def test_every_kind_lives_as_its_tier_says() -> None:
    assert {kind.name: (kind.ttl, kind.shortest, kind.longest) for kind in KINDS.values()} == TIERS


@pytest.mark.parametrize("ttl", [59, 301])
def test_a_time_outside_the_tier_is_refused(ttl: int) -> None:
    assert PRICES.lasting(300).ttl == 300
    with pytest.raises(ValueError, match="prices live 60 to 300 s"):
        PRICES.lasting(ttl)


@given(st.text())
def test_what_callers_invent_is_no_kind(key: str) -> None:
    assert kind_of(f"x{key}") == "other"


def entry(size: int) -> Entry:
    return Entry(b"x" * size, Format.JSON, float("inf"))


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 2000)), max_size=60))
def test_the_process_never_keeps_more_than_its_bounds(puts: list[tuple[str, int]]) -> None:
    local = LocalCache(max_entries=4, max_bytes=4000)
    for key, size in puts:
        local.put(key, entry(size), until=10, epoch=0)
        assert len(local) <= 4
        assert 0 <= local.bytes <= 4000
    local.drop("abcdefgh")
    assert (len(local), local.bytes) == (0, 0)


def test_what_was_used_longest_ago_goes_first() -> None:
    local = LocalCache(max_entries=2)
    for key in "ab":
        local.put(key, entry(1), until=10, epoch=0)
    local.get("a", now=1)
    local.put("c", entry(1), until=10, epoch=0)
    assert [key for key in "abc" if local.get(key, now=1)] == ["a", "c"]


def test_a_value_read_before_an_invalidation_is_not_kept_after_it() -> None:
    local = LocalCache()
    epoch = local.epoch("a")
    local.drop(["a"])
    local.put("a", entry(1), until=10, epoch=epoch)
    assert local.get("a", now=1) is None


def test_an_invalidation_discards_nothing_but_what_it_names() -> None:
    local = LocalCache()
    epoch = local.epoch("a")
    local.drop(["b"])
    local.put("a", entry(1), until=10, epoch=epoch)
    assert local.get("a", now=1) == entry(1)


def test_a_value_read_before_its_kind_was_dropped_is_not_kept_after_it() -> None:
    local = LocalCache()
    epoch = local.epoch("a:1")
    local.drop_where(lambda key: key.startswith("a:"))
    local.put("a:1", entry(1), until=10, epoch=epoch)
    assert local.get("a:1", now=1) is None


def test_what_is_in_doubt_is_only_a_last_resort() -> None:
    local = LocalCache()
    local.put("a", entry(1), until=10, epoch=0)
    local.doubt()
    assert local.get("a", now=1) is None
    assert local.last("a") == entry(1)
