"""The way of one partition: in order, again after doubt, and never for good after a refusal."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from richesreach.core.events import EventRefusedError, StreamUnavailableError
from richesreach.core.resilience.errors import CircuitOpenError
from richesreach.core.vendors.pace import Backoff
from richesreach.market_data import lane as lanes
from richesreach.market_data.lane import Lane
from richesreach.market_data.packing import Packed
from stream_client import eventually, packed


@dataclass
class Brokers:
    """What becomes of each try: `fate` gets the batch's number and which try it is."""

    fate: Callable[[int, int], Exception | None] = lambda _number, _try: None
    tries: list[int] = field(default_factory=list)
    delivered: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    most_under_way: int = 0
    _under_way: int = 0

    async def send(self, given: Packed) -> None:
        number = given.batch.ticks[0].q
        self.tries.append(number)
        self._under_way += 1
        self.most_under_way = max(self.most_under_way, self._under_way)
        try:
            # Some are acknowledged sooner than others, so that never all are over at once.
            for _ in range(3 + number % 5):
                await asyncio.sleep(0)
            error = self.fate(number, self.tries.count(number))
            if error is not None:
                raise error
        finally:
            self._under_way -= 1


@asynccontextmanager
async def lane_to(brokers: Brokers) -> AsyncIterator[Lane]:
    lane = Lane(
        brokers.send,
        lambda given: brokers.delivered.append(given.batch.ticks[0].q),
        lambda given, _error: brokers.refused.append(given.batch.ticks[0].q),
        Backoff(first=0.001, longest=0.001),
    )
    task = asyncio.create_task(lane.run())
    yield lane
    task.cancel()
    await asyncio.wait({task})


async def through(brokers: Brokers, count: int) -> Lane:
    async with lane_to(brokers) as lane:
        for number in range(count):
            lane.add(Packed(0, packed(number)))
        await eventually(lambda: lane.idle, "all is over")
    return lane


async def test_batches_are_sent_in_order_and_several_at_a_time() -> None:
    brokers = Brokers()
    await through(brokers, 100)
    assert brokers.tries == brokers.delivered == list(range(100))
    assert brokers.most_under_way == lanes.UNDER_WAY


@pytest.mark.parametrize(
    "doubt", [StreamUnavailableError("gone"), CircuitOpenError("stream", 1.0), TimeoutError()]
)
async def test_after_a_doubt_it_is_sent_again_before_all_that_was_not_begun(doubt: Exception) -> None:
    brokers = Brokers(lambda number, tries: doubt if number in (3, 5) and tries < 3 else None)
    lane = await through(brokers, 60)
    assert sorted(brokers.delivered) == list(range(60))
    assert (brokers.tries.count(3), lane.again) == (3, 4)
    begun = brokers.tries.index(3) + lanes.UNDER_WAY
    again = brokers.tries.index(3, brokers.tries.index(3) + 1)
    assert again <= begun
    assert brokers.tries[again + 1] == 5, "in their order"


async def test_a_refused_batch_is_told_of_and_holds_nobody_up() -> None:
    brokers = Brokers(lambda number, _tries: EventRefusedError("too large") if number == 3 else None)
    await through(brokers, 10)
    assert brokers.refused == [3]
    assert brokers.delivered == [0, 1, 2, *range(4, 10)]
    assert brokers.tries.count(3) == 1
