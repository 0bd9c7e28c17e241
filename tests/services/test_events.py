"""Consuming against a real broker: in order, at least once, and never lost."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from richesreach.core import logs
from richesreach.core.events import Events, PoisonError, consuming
from richesreach.core.events.schemas import DeadLetter, Tick
from richesreach.core.events.topics import DLQ, Topic
from richesreach.core.tracing import outgoing
from stream_client import events_of, eventually, own_topic, tick
from stream_servers import Broker


def count(events: Events, name: str, **labels: str) -> float:
    for metric in vars(events.metrics).values():
        for family in metric.collect():
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return float(sample.value)
    return 0.0


def group_of(topic: Topic) -> str:
    return f"gateway.{topic.name}"


async def dead_letters_of(events: Events, topic: Topic, number: int) -> list[DeadLetter]:
    """The dead letters of one topic, once there are so many."""
    found: list[DeadLetter] = []

    async def note(letter: DeadLetter) -> None:
        if letter.topic == topic.name:
            found.append(letter)

    subscription = events.consume(DLQ, group=f"gateway.dlq.{topic.name}", handle=note)
    await eventually(lambda: len(found) >= number, f"{number} dead letters of {topic.name}")
    subscription.end()
    return found


async def test_what_is_published_is_consumed_as_it_was(events: Events, kafka: Broker) -> None:
    topic, seen = own_topic(kafka), []

    async def handle(message: Tick) -> None:
        seen.append(message)

    await events.publish(topic, "AAPL", tick(1))
    events.consume(topic, group=group_of(topic), handle=handle)
    await eventually(lambda: bool(seen), "the tick arrives")
    assert seen == [tick(1)]
    assert seen[0].price == Decimal("187.25")


async def test_messages_of_one_key_stay_in_order(events: Events, kafka: Broker) -> None:
    topic, seen = own_topic(kafka), []

    async def handle(message: Tick) -> None:
        seen.append(message)

    symbols = ("AAPL", "MSFT", "NVDA")
    await asyncio.gather(
        *(events.publish(topic, symbol, tick(n, symbol)) for n in range(200) for symbol in symbols)
    )
    events.consume(topic, group=group_of(topic), handle=handle)
    await eventually(lambda: len(seen) >= 600, "all arrive")
    for symbol in symbols:
        assert [message.sequence for message in seen if message.symbol == symbol] == list(range(200))


async def test_a_group_goes_on_where_it_ended(kafka: Broker) -> None:
    topic, seen = own_topic(kafka), []

    async def handle(message: Tick) -> None:
        seen.append(message.sequence)

    for sequence in (1, 2):
        async with events_of(kafka.endpoint) as events:
            await events.publish(topic, "AAPL", tick(sequence))
            events.consume(topic, group=group_of(topic), handle=handle)
            await eventually(lambda: len(seen) == sequence, f"{sequence} arrives")  # noqa: B023 (awaited here)
    assert seen == [1, 2]


async def test_what_a_dead_process_had_not_committed_is_handled_again(kafka: Broker) -> None:
    topic, first, second = own_topic(kafka), asyncio.Event(), []

    async def stuck(_message: Tick) -> None:
        first.set()
        await asyncio.Event().wait()

    async def handle(message: Tick) -> None:
        second.append(message.sequence)

    async with events_of(kafka.endpoint) as dying, events_of(kafka.endpoint) as heir:
        await dying.publish(topic, "AAPL", tick(1))
        subscription = dying.consume(topic, group=group_of(topic), handle=stuck)
        await first.wait()
        work = dying._running.pop(subscription)
        work.cancel()
        await asyncio.wait({work})
        heir.consume(topic, group=group_of(topic), handle=handle)
        await eventually(lambda: bool(second), "another member handles it")
    assert second == [1]


async def test_two_members_share_the_partitions_and_neither_loses_a_message(kafka: Broker) -> None:
    topic, seen = own_topic(kafka), []

    async def handle(message: Tick) -> None:
        seen.append(message.sequence)
        await asyncio.sleep(0.005)

    async with events_of(kafka.endpoint) as one, events_of(kafka.endpoint) as other:
        one.consume(topic, group=group_of(topic), handle=handle)
        for sequence in range(100):
            await one.publish(topic, f"key-{sequence}", tick(sequence))
        await eventually(lambda: bool(seen), "the first member reads")
        other.consume(topic, group=group_of(topic), handle=handle)
        for sequence in range(100, 400):
            await one.publish(topic, f"key-{sequence}", tick(sequence))
        await eventually(lambda: set(seen) == set(range(400)), "each message is handled by one of them")


async def test_an_undecodable_message_is_a_dead_letter_with_its_place(events: Events, kafka: Broker) -> None:
    topic, seen = own_topic(kafka), []

    async def handle(message: Tick) -> None:
        seen.append(message.sequence)

    await events._publisher.publish(topic.name, b"k", b'{"type":"tick","symbol":1}', {"x-request-id": "r-1"})
    await events.publish(topic, "k", tick(2))
    events.consume(topic, group=group_of(topic), handle=handle)
    (letter,) = await dead_letters_of(events, topic, 1)
    await eventually(lambda: bool(seen), "the next message is handled")
    assert (letter.reason, letter.group, letter.offset, letter.attempts) == (
        "undecodable",
        group_of(topic),
        0,
        0,
    )
    assert (letter.key, letter.value) == (b"k", b'{"type":"tick","symbol":1}')
    assert letter.headers["x-request-id"] == "r-1"
    assert (
        count(
            events,
            "richesreach_dead_letters_total",
            topic=topic.name,
            group=group_of(topic),
            reason="undecodable",
        )
        == 1
    )


async def test_a_poisoned_message_is_tried_once(events: Events, kafka: Broker) -> None:
    topic, tries = own_topic(kafka), []

    async def refuse(message: Tick) -> None:
        tries.append(message.sequence)
        raise PoisonError("no such symbol")

    await events.publish(topic, "k", tick(1))
    events.consume(topic, group=group_of(topic), handle=refuse)
    (letter,) = await dead_letters_of(events, topic, 1)
    assert (letter.reason, letter.error, tries) == ("refused", "PoisonError: no such symbol", [1])


async def test_a_handler_that_fails_is_tried_again_and_then_buried(
    events: Events, kafka: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "FIRST_WAIT", 0.001)
    topic, tries = own_topic(kafka), []

    async def fail(message: Tick) -> None:
        tries.append(message.sequence)
        raise ValueError("division by a price of zero")

    await events.publish(topic, "k", tick(1))
    events.consume(topic, group=group_of(topic), handle=fail)
    (letter,) = await dead_letters_of(events, topic, 1)
    assert (letter.reason, letter.attempts, len(tries)) == ("failed", consuming.ATTEMPTS, consuming.ATTEMPTS)


async def test_an_outage_of_what_the_handler_needs_buries_nothing(
    events: Events, kafka: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(consuming, "LONGEST_WAIT", 0.01)
    topic, tries = own_topic(kafka), []

    async def need(message: Tick) -> None:
        tries.append(message.sequence)
        if len(tries) < 3 * consuming.ATTEMPTS:
            raise ConnectionRefusedError("the database is away")

    await events.publish(topic, "k", tick(1))
    events.consume(topic, group=group_of(topic), handle=need)
    await eventually(
        lambda: (
            count(
                events,
                "richesreach_events_consumed_total",
                topic=topic.name,
                group=group_of(topic),
                outcome="handled",
            )
            == 1
        ),
        "it is handled in the end",
    )


async def test_a_slow_handler_stays_in_its_group(
    events: Events, kafka: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "STAY_INTERVAL", 0.05)
    topic, seen, go_on = own_topic(kafka), [], asyncio.Event()

    async def slow(message: Tick) -> None:
        await go_on.wait()
        seen.append(message.sequence)

    await events.publish(topic, "k", tick(0))
    subscription = events.consume(topic, group=group_of(topic), handle=slow)
    membership = subscription._membership
    await eventually(lambda: membership._paused, "the partitions are paused meanwhile")
    for sequence in range(1, 20):
        await events.publish(topic, f"k{sequence}", tick(sequence))
    go_on.set()
    await eventually(lambda: sorted(seen) == list(range(20)), "each is handled once")


async def test_leaving_lets_the_handler_finish_and_commits_it(kafka: Broker) -> None:
    topic, begun, finished, again = own_topic(kafka), asyncio.Event(), [], []

    async def slow(message: Tick) -> None:
        begun.set()
        await asyncio.sleep(0.2)
        finished.append(message.sequence)

    async def note(message: Tick) -> None:
        again.append(message.sequence)

    async with events_of(kafka.endpoint) as events:
        for sequence in (1, 2):
            await events.publish(topic, "k", tick(sequence))
        events.consume(topic, group=group_of(topic), handle=slow)
        await begun.wait()
    assert finished == [1]
    async with events_of(kafka.endpoint) as events:
        events.consume(topic, group=group_of(topic), handle=note)
        await eventually(lambda: bool(again), "the rest is handled by the next")
    assert again == [2]


async def test_request_and_trace_go_with_the_message(events: Events, kafka: Broker) -> None:
    topic, carried = own_topic(kafka), {}
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"

    async def handle(_message: Tick) -> None:
        carried.update(outgoing())

    with logs.facts(request_id="order-7"), events._tracing.continued("test", given):
        await events.publish(topic, "k", tick(1))
    events.consume(topic, group=group_of(topic), handle=handle)
    await eventually(lambda: bool(carried), "it is handled")
    assert carried == {"x-request-id": "order-7", "traceparent": given}


async def test_a_group_of_another_service_is_refused(events: Events, kafka: Broker) -> None:
    async def handle(_message: Any) -> None: ...

    with pytest.raises(ValueError, match="must be 'gateway' or begin with 'gateway' and a dot"):
        events.consume(own_topic(kafka), group="trading", handle=handle)


async def test_a_group_reads_one_topic(events: Events, kafka: Broker) -> None:
    async def handle(_message: Any) -> None: ...

    events.consume(own_topic(kafka), group="gateway", handle=handle)
    with pytest.raises(ValueError, match=r"reads .* already"):
        events.consume(own_topic(kafka), group="gateway", handle=handle)
