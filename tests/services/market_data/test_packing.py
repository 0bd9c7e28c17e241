"""Ticks become batches of one venue and partition each; none is lost, doubled or left behind."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from richesreach.core.events.scaled import partition_of
from richesreach.core.events.schemas import MOST_TICKS, PackedTick
from richesreach.market_data.packing import Packed, Packer
from richesreach.market_data.sources.generator import ABOUT

MS = 1_000_000
TICKS = st.lists(
    st.tuples(st.sampled_from("AB"), st.sampled_from(["AAPL", "MSFT", "BTC-USD", "X"])), max_size=200
)


def tick(symbol: str, number: int) -> PackedTick:
    return PackedTick(s=symbol, q=number, t=0, r=0, p=1, z=1)


@given(TICKS, st.integers(1, 6), st.integers(1, 20), st.integers(1, 9))
def test_every_tick_is_in_one_batch_of_its_venue_and_partition(
    said: list[tuple[str, str]], partitions: int, full: int, at_once: int
) -> None:
    packer, found = Packer(ABOUT, partitions, full=full), list[Packed]()
    numbered = [(venue, tick(symbol, number)) for number, (venue, symbol) in enumerate(said)]
    for begin in range(0, len(numbered), at_once):
        found += packer.add(numbered[begin : begin + at_once], 0)
        assert packer.waiting + sum(len(packed.batch.ticks) for packed in found) == min(
            begin + at_once, len(said)
        )
    found += packer.rest()
    assert packer.waiting == 0
    for packed in found:
        assert 1 <= len(packed.batch.ticks) <= full
        assert {partition_of(each.s, partitions) for each in packed.batch.ticks} == {packed.partition}
        assert (packed.batch.source, packed.batch.licence) == (ABOUT.name, ABOUT.licence)
    for venue, symbol in set(said):
        sent = [each.q for at, each in numbered if (at, each.s) == (venue, symbol)]
        packed_ = [e.q for p in found if p.batch.venue == venue for e in p.batch.ticks if e.s == symbol]
        assert packed_ == sent, "in order"
    assert Counter(each.q for p in found for each in p.batch.ticks) == Counter(range(len(said)))


def test_a_batch_waits_for_its_first_tick_and_no_longer() -> None:
    packer = Packer(ABOUT, 1, linger_ms=5.0)
    packer.add([("A", tick("AAPL", 1))], 0)
    packer.add([("A", tick("AAPL", 2))], 4 * MS)
    assert packer.due(5 * MS - 1) == []
    (packed,) = packer.due(5 * MS)
    assert [each.q for each in packed.batch.ticks] == [1, 2]
    packer.add([("A", tick("AAPL", 3))], 6 * MS)
    assert packer.due(10 * MS) == []
    assert len(packer.due(11 * MS)) == 1


@pytest.mark.parametrize("full", [0, MOST_TICKS + 1])
def test_a_batch_holds_at_least_one_tick_and_no_more_than_its_schema(full: int) -> None:
    with pytest.raises(ValueError, match="a batch holds 1 to 4096 ticks"):
        Packer(ABOUT, 1, full=full)
