"""Publishing against a real broker: acknowledged, refused, or failed in time."""

import asyncio
import contextlib

import msgspec
import pytest
from richesreach.core.events import EventRefusedError, Events, StreamUnavailableError, publishing
from richesreach.core.events.schemas import Bar, DeadLetter, Tick
from richesreach.core.events.topics import Topic
from richesreach.core.resilience import deadline
from richesreach.core.resilience.errors import CircuitOpenError, DeadlineExceededError
from stream_client import events_of, eventually, own_topic, tick
from stream_servers import Broker, broker

NOWHERE = "127.60.255.254:9092"


async def test_a_message_of_another_kind_is_refused_before_it_is_sent(events: Events, kafka: Broker) -> None:
    topic = own_topic(kafka, Bar)
    with pytest.raises(EventRefusedError, match="does not hold such a message"):
        await events.publish(topic, "k", tick(1))
    wrong = msgspec.structs.replace(tick(1), symbol="not a symbol")
    with pytest.raises(EventRefusedError, match="symbol"):
        await events.publish(own_topic(kafka), "k", wrong)


async def test_a_message_that_is_too_large_is_refused_and_speaks_against_no_broker(
    events: Events, kafka: Broker
) -> None:
    topic = own_topic(kafka, DeadLetter)
    letter = DeadLetter(
        topic="t", partition=0, offset=0, group="g", reason="failed", error="", attempts=1, time=0,
        key=None, value=bytes(publishing.MAX_MESSAGE_BYTES), headers={},
    )  # fmt: skip
    for _ in range(20):
        with pytest.raises(EventRefusedError, match="does not take the message"):
            await events.publish(topic, "k", letter)
    await events.publish(own_topic(kafka), "k", tick(1))


async def test_without_brokers_publishing_fails_in_time_and_then_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publishing, "DELIVERY_TIMEOUT", 0.5)
    async with events_of(NOWHERE) as events:
        topic = Topic("market.ticks", Tick)
        results = await asyncio.gather(
            *(events.publish(topic, "k", tick(n)) for n in range(20)), return_exceptions=True
        )
        assert {type(result) for result in results} == {StreamUnavailableError}
        assert events.breaker.state.value == "open"
        report = await events.dependency().check()
        assert report["status"] == "degraded"


async def test_the_buffer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "DELIVERY_TIMEOUT", 0.5)
    monkeypatch.setattr(publishing, "BUFFERED_MESSAGES", 5)
    async with events_of(NOWHERE) as events:
        results = await asyncio.gather(
            *(events.publish(Topic("market.ticks", Tick), "k", tick(n)) for n in range(8)),
            return_exceptions=True,
        )
    full = [result for result in results if "the buffer is full" in str(result)]
    assert len(full) == 3


async def test_a_caller_without_time_does_not_wait_for_the_brokers() -> None:
    async with events_of(NOWHERE) as events:
        with deadline.within(0.05), pytest.raises(DeadlineExceededError):
            await events.publish(Topic("market.ticks", Tick), "k", tick(1))
        events._publisher._producer.purge()  # type: ignore[union-attr]


async def test_the_stream_is_healthy_and_says_how_many_brokers_there_are(events: Events) -> None:
    report = await events.dependency().check()
    assert (report["status"], report["circuit"]) == ("healthy", "closed")
    assert report["brokers"] >= 1


async def test_a_broker_that_comes_back_empty_is_published_to_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "DELIVERY_TIMEOUT", 4.0)
    with broker(own=True) as own:
        topic, seen = own_topic(own), []

        async def handle(message: Tick) -> None:
            seen.append(message.sequence)

        async with events_of(own.endpoint) as events:
            await events.publish(topic, "k", tick(1))
            events.consume(topic, group=f"gateway.{topic.name}", handle=handle)
            await eventually(lambda: seen == [1], "the first arrives")
            own.stop()
            own.start()
            own.create(topic.name)
            acknowledged = False
            while not acknowledged:
                with contextlib.suppress(StreamUnavailableError, CircuitOpenError):
                    await events.publish(topic, "k", tick(2))
                    acknowledged = True
            await eventually(lambda: 2 in seen, "the second arrives")
