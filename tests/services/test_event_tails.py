"""Following a topic: from now on, for any number of followers, none of which holds up another."""

import asyncio

import pytest
from richesreach.core.events import Events, tailing
from richesreach.core.events.topics import Topic
from stream_client import events_of, eventually, own_topic, tick
from stream_servers import Broker, broker


async def test_every_follower_gets_what_is_published_from_then_on(events: Events, kafka: Broker) -> None:
    topic = own_topic(kafka)
    await events.publish(topic, "AAPL", tick(1))
    await asyncio.sleep(0.01)  # a clock of milliseconds tells the two apart
    async with events.tail(topic) as one, events.tail(topic) as other:
        for sequence in (2, 3):
            await events.publish(topic, "AAPL", tick(sequence))
        for tail in (one, other):
            assert [(await anext(tail)).sequence, (await anext(tail)).sequence] == [2, 3]


async def test_all_partitions_are_followed(events: Events, kafka: Broker) -> None:
    topic = own_topic(kafka)
    async with events.tail(topic) as tail:
        for sequence in range(20):
            await events.publish(topic, f"key-{sequence}", tick(sequence))
        assert sorted([(await anext(tail)).sequence for _ in range(20)]) == list(range(20))


async def test_what_cannot_be_decoded_is_passed_over(events: Events, kafka: Broker) -> None:
    topic = own_topic(kafka)
    async with events.tail(topic) as tail:
        await events._publisher.publish(topic.name, b"AAPL", b"{}", {})
        await events.publish(topic, "AAPL", tick(2))
        assert (await anext(tail)).sequence == 2


async def test_a_slow_follower_sees_the_newest_and_holds_up_nobody(
    events: Events, kafka: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "BACKLOG", 3)
    topic = own_topic(kafka)
    async with events.tail(topic) as slow, events.tail(topic) as quick:
        for sequence in range(10):
            await events.publish(topic, "AAPL", tick(sequence))
            assert (await anext(quick)).sequence == sequence
        assert [(await anext(slow)).sequence for _ in range(3)] == [7, 8, 9]


async def test_a_follower_that_leaves_ends_its_iteration(events: Events, kafka: Broker) -> None:
    tail = events.tail(own_topic(kafka))
    tail.close()
    assert [message async for message in tail] == []


async def test_a_topic_that_nobody_follows_is_read_no_more_and_then_again(
    events: Events, kafka: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing, "IDLE", 0.0)
    topic = own_topic(kafka)
    async with events.tail(topic):
        follow = events._follows[topic.name]
    await eventually(lambda: follow._task is None, "nobody reads")
    async with events.tail(topic) as tail:
        await events.publish(topic, "AAPL", tick(1))
        assert (await anext(tail)).sequence == 1


async def test_the_end_of_the_service_ends_its_followers(kafka: Broker) -> None:
    async with events_of(kafka.endpoint) as events:
        tail = events.tail(own_topic(kafka))
    assert [message async for message in tail] == []


async def test_followers_wait_for_a_broker_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tailing, "METADATA_TIMEOUT", 0.2)
    monkeypatch.setattr(tailing, "RETRY", 0.05)
    with broker(own=True) as own:
        topic: Topic = own_topic(own)
        own.stop()
        async with events_of(own.endpoint) as events:
            tail = events.tail(topic)
            own.start()
            own.create(topic.name)
            await tail.ready()
            await events.publish(topic, "AAPL", tick(1))
            assert (await anext(tail)).sequence == 1
