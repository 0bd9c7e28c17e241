"""What only Apache Kafka shows: that acknowledged messages outlive a broker, and how many wait."""

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from kafka_server import KafkaServer
from richesreach.core.events import Events, StreamUnavailableError, consuming, publishing
from richesreach.core.events.client import SESSION
from richesreach.core.events.schemas import Tick
from richesreach.core.events.topics import Topic
from richesreach.core.resilience.errors import CircuitOpenError
from stream_client import events_of, eventually, own_topic, tick
from stream_servers import Broker

ROOT = Path(__file__).parents[2]
TESTS = ("test_events", "test_event_publishing", "test_event_tails")
MESSAGES = 2000


def broker_of(kafka: KafkaServer) -> Broker:
    return Broker(kafka.host, kafka.port)


async def publish_all(events: Events, topic: Topic, sequences: range, acknowledged: list[int]) -> None:
    """`acknowledged` are those that were, whatever became of the broker meanwhile."""

    async def one(sequence: int) -> None:
        with contextlib.suppress(StreamUnavailableError, CircuitOpenError):
            await events.publish(topic, f"key-{sequence % 7}", tick(sequence))
            acknowledged.append(sequence)

    for start in range(sequences.start, sequences.stop, 20):
        await asyncio.gather(*(one(sequence) for sequence in range(start, start + 20)))


def lag_of(events: Events, topic: Topic, group: str) -> float:
    (family,) = events.metrics.lag.collect()
    found = [s.value for s in family.samples if s.labels == {"topic": topic.name, "group": group}]
    return found[0] if found else -1.0


@pytest.mark.timeout(600)
def test_the_stream_s_own_tests_hold_on_kafka(kafka: KafkaServer) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *(f"tests/services/{each}.py" for each in TESTS)],
        cwd=ROOT,
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        | {"RICHESREACH_TEST_KAFKA": kafka.endpoint},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]


@pytest.mark.timeout(300)
async def test_what_was_acknowledged_outlives_a_broker_that_is_killed(
    own_kafka: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "DELIVERY_TIMEOUT", 4.0)
    topic: Topic = own_topic(broker_of(own_kafka))
    acknowledged: list[int] = []
    seen: list[int] = []
    async with events_of(own_kafka.endpoint, session=SESSION) as events:
        under_way = asyncio.create_task(publish_all(events, topic, range(MESSAGES), acknowledged))
        await eventually(lambda: len(acknowledged) > MESSAGES // 4, "some are acknowledged")
        own_kafka.kill()
        before = len(acknowledged)
        await under_way
        own_kafka.start()

        async def handle(message: Tick) -> None:
            seen.append(message.sequence)

        events.consume(topic, group=f"gateway.{topic.name}", handle=handle)
        await eventually(lambda: {*acknowledged} <= {*seen}, "every acknowledged message arrives")
    assert before < MESSAGES
    print(  # noqa: T201
        f"\na broker killed under writes: {MESSAGES} messages, {len(acknowledged)} acknowledged,"
        f" {len({*acknowledged} - {*seen})} of them lost, {len(seen) - len({*seen})} seen twice"
    )


@pytest.mark.timeout(300)
async def test_a_group_goes_on_behind_what_it_committed_before_the_broker_was_killed(
    own_kafka: KafkaServer,
) -> None:
    topic: Topic = own_topic(broker_of(own_kafka))
    group, before, after = f"gateway.{topic.name}", [], []
    async with events_of(own_kafka.endpoint, session=SESSION) as events:
        await publish_all(events, topic, range(40), [])

        async def handle(message: Tick) -> None:
            before.append(message.sequence)

        events.consume(topic, group=group, handle=handle)
        await eventually(lambda: len(before) == 40, "all are handled")
    own_kafka.kill()
    own_kafka.start()
    async with events_of(own_kafka.endpoint, session=SESSION) as events:
        await publish_all(events, topic, range(40, 60), [])

        async def note(message: Tick) -> None:
            after.append(message.sequence)

        events.consume(topic, group=group, handle=note)
        await eventually(lambda: {*range(40, 60)} <= {*after}, "the new ones are handled")
    assert sorted(after) == [*range(40, 60)]


async def test_lag_is_the_number_of_messages_that_wait(
    kafka: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "LAG_INTERVAL", 0.2)
    topic: Topic = own_topic(broker_of(kafka))
    group, go_on, handled = f"gateway.{topic.name}", asyncio.Event(), []

    async def handle(message: Tick) -> None:
        if len(handled) == 3:
            await go_on.wait()
        handled.append(message.sequence)

    async with events_of(kafka.endpoint, session=SESSION) as events:
        # One key is one partition: they come one after the other.
        for sequence in range(10):
            await events.publish(topic, "AAPL", tick(sequence))
        events.consume(topic, group=group, handle=handle)

        await eventually(lambda: lag_of(events, topic, group) == 7, "seven wait")
        go_on.set()
        await eventually(lambda: lag_of(events, topic, group) == 0, "none waits")
    assert len(handled) == 10
