"""Packed feature vectors: what is read is what was written, online and offline."""

import json
import math
import struct
from collections.abc import Sequence

import hiredis
import numpy as np
import pytest
from cache_servers import CachePair
from hypothesis import given
from hypothesis import strategies as st
from one_tick_at_a_time import NOON, message, tick
from redis import Redis
from richesreach.core.layout import SHAPE
from richesreach.core.vectors import ONLINE, Layout, VectorError
from richesreach.stream.definitions import INDICATORS, INTERVALS, SECOND
from richesreach.stream.partition import Partition
from richesreach.stream.vector_writer import packed, place_of

SMALL = Layout(1, ["price", "rsi_14", "regime"])
values = st.lists(st.floats(), min_size=3, max_size=3)


def encoded(rows: Sequence[Sequence[float]], layout: Layout = SMALL) -> list[bytes]:
    numbers = np.arange(len(rows))
    return layout.encode(numbers + NOON, numbers, np.array(rows, np.float64).reshape(-1, len(layout.names)))


@given(st.lists(values, max_size=20), st.data())
def test_vectors_come_back_as_they_were_and_absent_ones_as_absent(
    rows: list[list[float]], data: st.DataObject
) -> None:
    absent = data.draw(st.sets(st.integers(0, 19)))
    raw = [None if i in absent else one for i, one in enumerate(encoded(rows))]
    read = SMALL.decode(raw)
    for i, row in enumerate(rows):
        if i in absent:
            assert not read.present[i]
            assert np.isnan(read.values[i]).all()
        else:
            assert (read.present[i], read.times[i], read.offsets[i]) == (True, NOON + i, i)
            np.testing.assert_array_equal(read.values[i], row)


@given(values)
def test_the_hash_of_an_online_vector_is_that_of_the_offline_row(row: list[float]) -> None:
    """The row went through a store of text, with columns in another order and more of them."""
    stored = {"symbol": "AAPL", "regime": row[2], "rsi_14": row[1], "price": row[0]}
    offline = {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in json.loads(json.dumps(stored)).items()
    }
    read = SMALL.decode(encoded([row]))
    online = SMALL.skew_hash("AAPL", int(read.times[0]), read.values[0])
    assert online == SMALL.skew_hash("AAPL", NOON, SMALL.of_row(offline))


def test_the_hash_changes_with_every_part() -> None:
    row = np.array([1.0, 2.0, 3.0])
    hashes = {
        SMALL.skew_hash("AAPL", NOON, row),
        SMALL.skew_hash("MSFT", NOON, row),
        SMALL.skew_hash("AAPL", NOON + 1, row),
        SMALL.skew_hash("AAPL", NOON, np.nextafter(row, 9.0)),
        SMALL.skew_hash("AAPL", NOON, np.array([1.0, 2.0, np.nan])),
        Layout(2, SMALL.names).skew_hash("AAPL", NOON, row),
        Layout(1, SMALL.names[::-1]).skew_hash("AAPL", NOON, row),
    }
    assert len(hashes) == 7


def test_nan_and_zero_have_one_form_in_bytes() -> None:
    (odd,) = struct.unpack("<d", struct.pack("<Q", 0xFFF8_0000_0000_0001))
    assert encoded([[odd, -0.0, 1.0]]) == encoded([[math.nan, 0.0, 1.0]])


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        ([encoded([[1, 2, 3]])[0][:-1]], "has 48 bytes, and one that was read has not"),
        ([encoded([[1, 2, 3]], Layout(2, SMALL.names))[0]], "another layout"),
    ],
)
def test_bytes_of_another_layout_are_no_vector(raw: list[bytes | None], error: str) -> None:
    with pytest.raises(VectorError, match=error):
        SMALL.decode(raw)


def test_a_row_that_lacks_features_is_refused_by_their_names() -> None:
    with pytest.raises(VectorError, match="the row lacks rsi_14, regime"):
        SMALL.of_row({"price": 1.0})


@pytest.mark.parametrize("names", [[], ["price", "price"]])
def test_a_layout_has_features_and_none_twice(names: list[str]) -> None:
    with pytest.raises(VectorError, match="one feature or more, and none of them twice"):
        Layout(1, names)


def test_many_symbols_are_written_and_read_in_one_command_each(caches: CachePair) -> None:
    partition = Partition()
    names = [f"S{number}" for number in range(300)]
    for second in range(70):
        ticks = [
            tick(name, second, NOON + second * SECOND, 10**8 * (i + second + 1))
            for i, name in enumerate(names)
        ]
        taken = partition.take([message(second, "x", ticks)])
    symbols, online = taken.changed, partition.online
    keys = [ONLINE.key(partition.reader.symbols.names[symbol]) for symbol in symbols]
    node = Redis(host=caches.primary.host, port=caches.primary.port)
    node.mset(dict(zip(keys, online.encode(symbols), strict=True)))
    read = ONLINE.decode(node.mget([*keys, ONLINE.key("NONE")]))
    node.close()
    assert read.present.tolist() == [True] * 300 + [False]
    np.testing.assert_array_equal(read.values[:-1], online.values[symbols])
    assert set(read.times[:-1]) == {NOON + 69 * SECOND}
    assert set(read.offsets[:-1]) == {69}
    of = dict(zip(ONLINE.names, read.values[0].tolist(), strict=True))
    # 1s bars are closed up to second 66, 1m bars up to minute 0.
    assert (of["price"], of["close_1m"], of["open_1m"], of["ticks_1m"]) == (70.0, 60.0, 1.0, 60.0)
    assert of["sma_20_1s"] == pytest.approx(np.mean(np.arange(48, 68)))
    assert of["rsi_14_1s"] == 100.0
    assert math.isnan(of["sma_20_1m"])


def test_the_online_layout_has_fifty_features() -> None:
    assert len(ONLINE.names) == 50
    assert ONLINE.size == 24 + 50 * 8


def test_the_online_layout_names_the_indicators_as_the_operator_places_them() -> None:
    first = 1 + len(("open", "high", "low", "close", "volume", "vwap", "ticks"))
    assert ONLINE.names[first:] == tuple(
        f"{indicator.name}_{interval.name}" for interval in INTERVALS[:3] for indicator in INDICATORS
    )


def test_the_online_layout_keeps_its_number() -> None:
    """Vectors of another number are invisible to readers that are not deployed yet: that takes a version."""
    assert (ONLINE.version, f"{ONLINE.number:016x}") == (1, "cd7a3fd5b50fecee")


def test_one_feature_is_read_without_the_rest() -> None:
    values = np.full((1, 50), np.nan)
    values[0, :2] = 101.25, 7.0
    (raw,) = ONLINE.encode(np.array([NOON]), np.array([9]), values)
    found = SHAPE.reading(raw, "price")
    assert found is not None
    assert (found.value, found.time, found.offset) == (101.25, NOON, 9)
    assert SHAPE.reading(raw, "rsi_14_1s") is None


@pytest.mark.parametrize(
    ("raw", "error"), [(b"short", "has 424 bytes, not 5"), (bytes(424), "has layout 0000000000000000")]
)
def test_one_feature_is_not_read_from_bytes_of_another_layout(raw: bytes, error: str) -> None:
    with pytest.raises(VectorError, match=error):
        SHAPE.reading(raw, "price")


def test_a_late_tick_within_its_second_does_not_turn_the_price_back() -> None:
    partition = Partition()
    partition.take([message(0, "x", [tick("A", 1, NOON + 2, 2 * 10**8)])])
    taken = partition.take([message(1, "x", [tick("A", 2, NOON + 1, 10**8)])])
    assert partition.online.values[taken.changed, 0].tolist() == [2.0]


@given(st.lists(st.text("ABZ09._:/=^-", min_size=1, max_size=32), max_size=20))
def test_the_command_that_writes_vectors_is_what_a_client_makes_of_its_words(symbols: list[str]) -> None:
    vectors = encoded(np.zeros((len(symbols), len(ONLINE.names))).tolist(), ONLINE)
    words: list[str | bytes] = ["MSET"]
    for symbol, vector in zip(symbols, vectors, strict=True):
        words += [SHAPE.key(symbol), vector]
    assert packed([place_of(symbol) for symbol in symbols], vectors) == hiredis.pack_command(tuple(words))
