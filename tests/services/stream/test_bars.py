"""Bars of packed ticks: by event time, exact, and the same however ticks are grouped and ordered."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from one_tick_at_a_time import (
    BEAT,
    NOON,
    MadeBar,
    Message,
    by_hand,
    made_bars,
    message,
    take_in_parts,
    tick,
)
from richesreach.core.events.schemas import Heartbeat, PackedTick, Tick, TickBatch
from richesreach.stream import ticks as ticks_module
from richesreach.stream import wide
from richesreach.stream.definitions import LATENESS, LEAD, SECOND
from richesreach.stream.partition import Partition, Taken

Batch = tuple[int, str, list[PackedTick]]
# The last tick of a test, which closes all before it: in an hour of its own.
LATER = NOON + 7200 * SECOND

prices = st.one_of(st.integers(1, 10**13), st.integers(-(2**63), 2**63 - 1))
sizes = st.one_of(st.integers(0, 10**12), st.integers(0, 2**63 - 1))
# Most ticks are near one another, some a second or more apart, a few in another hour.
steps = st.one_of(
    st.integers(-SECOND, SECOND),
    st.integers(-5 * SECOND, 5 * SECOND),
    st.sampled_from([0, 40 * SECOND, 290 * SECOND, 3599 * SECOND]),
)
leads = st.sampled_from([0, 0, 0, LEAD, LEAD + 1])


@st.composite
def batches(draw: st.DrawFn) -> list[Batch]:
    """Messages with ticks of every kind: late, ahead, twice, tied in time, of several sources."""
    at, made = NOON, list[Batch]()
    for offset in range(draw(st.integers(1, 25))):
        ticks = []
        for _ in range(draw(st.integers(1, 6))):
            at = max(0, at + draw(steps))
            number = draw(st.integers(0, 40))
            lead = draw(leads)
            ticks.append(
                tick(draw(st.sampled_from("ABC")), number, at, draw(prices), draw(sizes), max(0, at - lead))
            )
        made.append((offset * 3, draw(st.sampled_from(["finnhub", "alpha"])), ticks))
        if draw(st.integers(0, 4)) == 0:
            made.append((offset * 3 + 1, BEAT, [tick("-", 0, max(0, at + draw(steps)))]))
    made.append((10_000, "finnhub", [tick("Z", 0, at + 7200 * SECOND)]))
    return made


def messages_of(made: list[Batch]) -> list[Message]:
    return [message(*batch) for batch in made]


def closed(partition: Partition, taken: list[Taken]) -> list[MadeBar]:
    return made_bars(partition, [closing for some in taken for closing in some.closings])


@settings(max_examples=100, deadline=None)
@given(made=batches(), cuts=st.lists(st.integers(0, 100)))
def test_bars_and_refusals_are_those_of_one_tick_at_a_time_however_messages_are_grouped(
    made: list[Batch], cuts: list[int]
) -> None:
    expected = by_hand(made)
    partition = Partition()
    taken = take_in_parts(partition, messages_of(made), cuts)
    assert sorted(closed(partition, taken)) == sorted(expected.bars)
    refused = [(one.offset, one.place, one.reason) for some in taken for one in some.refused]
    assert refused == expected.refused
    assert sum(some.duplicates for some in taken) == expected.duplicates


@settings(max_examples=50, deadline=None)
@given(made=batches(), cuts=st.lists(st.integers(0, 100)))
def test_the_grouping_of_messages_changes_no_byte_of_what_comes_out(
    made: list[Batch], cuts: list[int]
) -> None:
    messages = messages_of(made)
    one_by_one = take_in_parts(Partition(), messages, range(len(messages)))
    grouped = take_in_parts(Partition(), messages, cuts)
    assert _bytes_of(grouped) == _bytes_of(one_by_one)


def _bytes_of(taken: list[Taken]) -> list[Any]:
    return [
        (
            c.offset,
            c.first,
            c.interval,
            c.start,
            c.symbols.tobytes(),
            c.rows.tobytes(),
            c.indicators.tobytes(),
        )
        for some in taken
        for c in some.closings
    ]


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 300),
    spread=st.sampled_from([SECOND // 100, SECOND, 30 * SECOND]),
    cuts=st.lists(st.integers(0, 100)),
)
@example(seed=1, count=300, spread=30 * SECOND, cuts=[])
def test_any_order_within_the_allowed_lateness_gives_the_same_bars(
    seed: int, count: int, spread: int, cuts: list[int]
) -> None:
    source = np.random.default_rng(seed)
    times = sorted((NOON + source.integers(0, spread * 10, count)).tolist())
    numbers: dict[tuple[str, str], int] = defaultdict(int)
    ticks = []
    for at in times:
        key = str(source.choice(["x", "y"])), str(source.choice(list("ABCD")))
        numbers[key] += 1
        ticks.append((key[0], tick(key[1], numbers[key], at, int(source.integers(1, 2**62)), 3)))
    shuffled = sorted(ticks, key=lambda pair: pair[1].t + int(source.integers(LATENESS)))
    made = []
    for order in (ticks, shuffled):
        partition = Partition()
        messages = [message(i, name, [one]) for i, (name, one) in enumerate(order)]
        messages.append(message(count, "x", [tick("Z", 1, LATER)]))
        taken = take_in_parts(partition, messages, cuts)
        assert not any(some.refused for some in taken)
        made.append(sorted(bar._replace(offset=0) for bar in closed(partition, taken)))
    assert made[0] == made[1]


def test_a_tick_is_late_once_its_second_is_closed_and_not_a_nanosecond_before() -> None:
    end = NOON + SECOND
    for reached, late in ((end + LATENESS - 1, False), (end + LATENESS, True)):
        partition = Partition()
        taken = partition.take(
            [message(0, "x", [tick("A", 1, NOON), tick("A", 3, reached), tick("A", 2, NOON + 5)])]
        )
        assert [one.reason for one in taken.refused] == (["late"] if late else [])


def test_a_heartbeat_closes_bars_where_nothing_trades() -> None:
    partition = Partition()
    partition.take([message(0, "x", [tick("A", 1, NOON)])])
    beats = [message(1, BEAT, [tick("-", 0, NOON + SECOND + LATENESS - 1)])]
    assert partition.take(beats).closings == []
    taken = partition.take([message(2, BEAT, [tick("-", 0, NOON + SECOND + LATENESS)])])
    (bar,) = made_bars(partition, taken.closings)
    assert (bar.offset, bar.symbol, bar.interval) == (2, "A", "1s")
    assert partition.reader.symbols.names[taken.changed[0]] == "A"


def test_what_a_succeeded_publisher_still_had_under_way_is_void() -> None:
    partition = Partition()

    def batch(epoch: int, event: int) -> bytes:
        ticks = [tick("A", 1, event)]
        return msgspec.json.encode(
            TickBatch(source="x", venue="XNAS", licence="internal", ticks=ticks, epoch=epoch)
        )

    successor = msgspec.json.encode(Heartbeat(member="b", epoch=2, time=0))
    predecessor = msgspec.json.encode(Heartbeat(member="a", epoch=1, time=LATER))
    messages = [(0, successor), (1, batch(1, LATER)), (2, predecessor), (3, batch(2, NOON))]
    taken = partition.take(messages)
    assert [(one.offset, one.error) for one in taken.unreadable] == [(1, "of epoch 1, which 2 has succeeded")]
    assert (taken.duplicates, partition.latest, len(taken.ticks)) == (0, NOON, 1)


def test_minutes_of_ticks_taken_at_once_fall_into_their_own_seconds() -> None:
    ticks = []
    for number in range(200):
        ticks.append(tick("A", 2 * number, NOON + number * SECOND, number + 1))
        ticks.append(tick("A", 2 * number + 1, NOON + max(0, (number - 2) * SECOND + 1), number + 1))
    batch = [(0, "x", ticks), (1, "x", [tick("B", 1, LATER)])]
    partition = Partition()
    taken = partition.take(messages_of(batch))
    assert sorted(closed(partition, [taken])) == sorted(by_hand(batch).bars)


def test_a_tick_from_the_future_closes_nothing_and_is_refused() -> None:
    partition = Partition()
    wrong = tick("A", 2, NOON + 3600 * SECOND, received=NOON)
    taken = partition.take([message(0, "x", [tick("A", 1, NOON), wrong, tick("A", 3, NOON + 1)])])
    assert [(one.place, one.reason) for one in taken.refused] == [(1, "ahead")]
    assert not taken.closings
    assert partition.latest == NOON + 1


def test_sums_that_need_more_than_64_bits_are_exact() -> None:
    partition, most = Partition(), 2**63 - 1
    ticks = [tick("A", number, NOON + number, most, most) for number in range(100)]
    ticks += [tick("B", number, NOON + number, -(2**63), most) for number in range(100)]
    taken = partition.take([message(0, "x", ticks), message(1, "x", [tick("A", 100, LATER)])])
    found = {(bar.interval, bar.symbol): (bar.volume, bar.notional) for bar in closed(partition, [taken])}
    for interval in ("1s", "1m", "5m", "1h"):
        assert found[interval, "A"] == (100 * most, 100 * most * most)
        assert found[interval, "B"] == (100 * most, -100 * most * 2**63)


@given(st.lists(st.tuples(prices, sizes), min_size=1))
def test_wide_products_are_exact(pairs: list[tuple[int, int]]) -> None:
    price, size = np.array(pairs, np.int64).T
    limbs = wide.product(price, size).T.copy()
    wide.carry(limbs)
    assert wide.as_integers(limbs) == [one * other for one, other in pairs]
    assert wide.as_float(limbs).tolist() == pytest.approx(
        [float(one * other) for one, other in pairs], rel=1e-15
    )


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (b"{", "truncated"),
        (b'{"type":"bar"}', "Invalid value 'bar'"),
        (message(0, "x", [tick("a b", 1, NOON)])[1], "'a b' is no symbol"),
        (message(0, "x", [tick("A\n", 1, NOON)])[1], "is no symbol"),
        (message(0, "x", [tick("A", 2**62, NOON)])[1], "sequence or time"),
        (message(0, "x", [tick("A", 1, 2**63 - 1)])[1], "sequence or time"),
    ],
)
def test_an_unreadable_message_is_named_and_those_beside_it_are_taken(value: bytes, error: str) -> None:
    partition = Partition()
    good = message(5, "x", [tick("A", 1, NOON)])
    after = message(7, "x", [tick("A", 2, NOON + 1)])
    taken = partition.take([good, (6, value), after])
    assert [one.offset for one in taken.unreadable] == [6]
    assert error in taken.unreadable[0].error
    assert (len(taken.ticks), partition.offset) == (2, 8)


@pytest.mark.parametrize("portion", [1, 10])
def test_a_message_with_one_source_or_symbol_too_many_is_unreadable(
    monkeypatch: pytest.MonkeyPatch, portion: int
) -> None:
    monkeypatch.setattr(ticks_module, "MOST_SYMBOLS", 2)
    monkeypatch.setattr(ticks_module, "MOST_SOURCES", 1)
    partition = Partition()
    messages = [
        message(0, "x", [tick("A", 1, NOON), tick("B", 1, NOON)]),
        message(1, "x", [tick("A", 2, NOON), tick("C", 1, NOON)]),
        message(2, "y", [tick("A", 1, NOON)]),
        message(3, "x", [tick("A", 2, NOON)]),
    ]
    taken = take_in_parts(partition, messages, range(0, 4, portion))
    unreadable = {one.offset: one.error for some in taken for one in some.unreadable}
    assert unreadable == {
        1: "C is one more symbol than the 2 of a partition",
        2: "y is one more source than the 1 of a partition",
    }
    assert sum(len(some.ticks) for some in taken) == 3


def test_a_single_tick_counts_like_a_packed_one() -> None:
    single = Tick(
        symbol="A",
        venue="XNAS",
        price=Decimal("187.25"),
        size=Decimal("0.5"),
        event_time=NOON,
        received_time=NOON,
        source="x",
        licence="internal",
        sequence=1,
    )
    inexact = msgspec.structs.replace(single, price=Decimal("0.000000001"))
    partition = Partition()
    taken = partition.take([(0, msgspec.json.encode(single)), (1, msgspec.json.encode(inexact))])
    assert (taken.ticks.price.tolist(), taken.ticks.size.tolist()) == ([187_25 * 10**6], [5 * 10**7])
    assert "has no exact form" in taken.unreadable[0].error


def test_more_symbols_than_there_is_room_for_find_room() -> None:
    partition = Partition()
    names = [f"S{number}" for number in range(500)]
    for offset, some in enumerate((names[:3], names[:100], names)):
        partition.take([message(offset, "x", [tick(name, offset, NOON + offset) for name in some])])
    taken = partition.take([message(3, "y", [tick("S0", 1, LATER)])])
    counts = {bar.symbol: bar.ticks for bar in closed(partition, [taken]) if bar.interval == "1h"}
    assert counts == {name: 3 if i < 3 else 2 if i < 100 else 1 for i, name in enumerate(names)}
