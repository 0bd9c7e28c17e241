"""A publisher goes on from the numbers that the topic holds, whatever else has become of its predecessor."""

import time
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
from richesreach.core.events import Events
from richesreach.core.events.schemas import Heartbeat, Numbers, Tick, TickBatch
from richesreach.core.events.topics import Topic
from richesreach.market_data.running import takeover
from richesreach.market_data.running.takeover import take_over
from stream_client import events_of, own_topic, packed, tick
from stream_servers import Broker, broker


@pytest.fixture(scope="module")
def kafka() -> Iterator[Broker]:
    with broker() as found:
        yield found


@pytest.fixture
async def events(kafka: Broker) -> AsyncIterator[Events]:
    async with events_of(kafka.endpoint, "market-data") as found:
        yield found


@pytest.fixture
def topic(kafka: Broker) -> Topic:
    return own_topic(kafka, Tick | TickBatch | Heartbeat)


def beat(epoch: int, **numbers: dict[str, int]) -> Heartbeat:
    told = {source: Numbers(began=7, last=last) for source, last in numbers.items()}
    return Heartbeat(member="before", epoch=epoch, time=0, numbers=told)


async def test_an_empty_topic_is_a_beginning(events: Events, topic: Topic) -> None:
    epoch, past = await take_over(events, "a", topic)
    assert past.last == {}
    assert abs(epoch - time.time() * 1000) < 60_000


async def test_the_last_numbers_of_every_source_and_partition_are_found(events: Events, topic: Topic) -> None:
    await events.publish(topic, "0", beat(0, generator={"IBM": 4}), partition=0)
    await events.publish(topic, "0", packed(8, 9), partition=0)
    await events.publish(topic, "1", packed(3, symbol="MSFT"), partition=1)
    finnhub = msgspec.structs.replace(packed(2), source="finnhub")
    await events.publish(topic, "1", finnhub, partition=1)
    await events.publish(topic, "AAPL", tick(77, "TSLA"))
    _, past = await take_over(events, "a", topic)
    assert past.last == {
        "generator": {"IBM": 4, "AAPL": 9, "MSFT": 3, "TSLA": 77},
        "finnhub": {"AAPL": 2},
    }
    assert past.began["generator"] == 7


async def test_a_term_is_later_than_all_before_whatever_the_clock_says(events: Events, topic: Topic) -> None:
    ahead = time.time_ns() // 1_000_000 + 10**9
    await events.publish(topic, "1", beat(ahead), partition=1)
    await events.publish(topic, "1", packed(5), partition=1)
    epoch, past = await take_over(events, "a", topic)
    assert epoch == ahead + 1
    assert past.last == {}


async def test_what_is_void_has_no_numbers(events: Events, topic: Topic) -> None:
    await events.publish(topic, "0", beat(9), partition=0)
    void = msgspec.structs.replace(packed(5), epoch=8)
    valid = msgspec.structs.replace(packed(4), epoch=9)
    await events.publish(topic, "0", void, partition=0)
    await events.publish(topic, "0", valid, partition=0)
    _, past = await take_over(events, "a", topic)
    assert past.last == {"generator": {"AAPL": 4}}


async def test_it_reads_back_until_it_finds_numbers(
    events: Events, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeover, "BACK", 4)
    monkeypatch.setattr(takeover, "FURTHER", 2)
    monkeypatch.setattr(takeover, "MARGIN", 1)
    await events.publish(topic, "0", packed(900, symbol="OLD"), partition=0)
    for _ in range(5):
        await events.publish(topic, "0", packed(1, symbol="FILL"), partition=0)
    await events.publish(topic, "0", beat(0, generator={"IBM": 4}), partition=0)
    for number in range(1, 10):
        await events.publish(topic, "0", packed(number), partition=0)
    _, past = await take_over(events, "a", topic)
    assert past.last == {"generator": {"IBM": 4, "AAPL": 9, "FILL": 1}}
    assert 10 <= past.messages < 19


async def test_what_is_no_message_is_passed_over(events: Events, topic: Topic) -> None:
    await events._publisher.publish(topic.name, b"0", b"nonsense", {}, 0)
    await events.publish(topic, "0", packed(3), partition=0)
    _, past = await take_over(events, "a", topic)
    assert past.last == {"generator": {"AAPL": 3}}
