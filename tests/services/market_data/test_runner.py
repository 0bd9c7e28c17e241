"""One task of a region publishes; when it is gone, another goes on from what the topic holds."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from cache_servers import CachePair, cache_pair
from gateway_task import ServiceProcess
from market_task import TopicReader, market_environment
from richesreach.core.cache import Nodes
from richesreach.core.events import Events
from richesreach.market_data.dead_letters import DeadLetters
from richesreach.market_data.running.lease import Lease
from richesreach.market_data.running.runner import Runner
from stream_client import eventually
from stream_servers import Broker, broker

SYMBOLS = "AAPL,MSFT,BTC-USD"
MODULE = "richesreach.market_data"


@pytest.fixture
def kafka() -> Iterator[Broker]:
    with broker(own=True) as found:
        yield found


@pytest.fixture
def own_caches() -> Iterator[CachePair]:
    with cache_pair() as pair:
        yield pair


@pytest.fixture
def topic(kafka: Broker) -> Iterator[TopicReader]:
    reader = TopicReader(kafka)
    yield reader
    reader.close()


def counts(topic: TopicReader) -> dict[str, int]:
    return {symbol: len(numbers) for symbol, numbers in topic.numbers().items()}


def test_after_a_kill_the_next_task_goes_on_without_a_gap(
    kafka: Broker, own_caches: CachePair, topic: TopicReader
) -> None:
    told = market_environment(kafka, own_caches, MARKET_SYMBOLS=SYMBOLS, MARKET_GENERATOR_RATE="50")
    first = ServiceProcess(MODULE, told)
    second = None
    try:
        topic.until(lambda t: min(counts(t).values(), default=0) > 50, "the first task publishes")
        second = ServiceProcess(MODULE, told)
        first.kill()
        killed = {symbol: numbers[-1] for symbol, numbers in topic.numbers().items()}
        # What would otherwise take its time: nobody has the lease any more.
        own_caches.primary.command("DEL", "market:lease")
        topic.until(
            lambda t: all(t.numbers()[s][-1] > killed[s] + 50 for s in killed), "the second task publishes"
        )
    finally:
        for task in (first, second):
            if task is not None:
                task.kill()
    epochs = sorted({batch.epoch for batch in topic.batches})
    assert len(epochs) == 2
    for numbers in topic.numbers().values():
        assert numbers == list(range(1, len(numbers) + 1))


async def test_what_nobody_expects_ends_the_term_and_not_the_runner() -> None:
    class Free:
        member, released = "a", 0

        async def acquire(self) -> bool:
            return True

        async def release(self) -> None:
            self.released += 1

    class Broken:
        """Streams that fail as no stream does."""

        def __getattr__(self, name: str) -> Any:
            raise ValueError(name)

    lease = Free()
    found = Runner(
        cast(Events, Broken()), cast(Nodes, None), cast(Lease, lease), lambda: (), cast(DeadLetters, None)
    )
    found.open()
    await eventually(lambda: lease.released >= 2, "it takes the lease again")
    await found.close()
