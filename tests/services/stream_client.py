"""A service's client of the stream, topics of one test, and messages for them."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from gateway_task import task_environment
from loopback import until
from richesreach.core.events import Events
from richesreach.core.events.client import SESSION
from richesreach.core.events.schemas import PackedTick, Tick, TickBatch
from richesreach.core.events.topics import Topic
from richesreach.core.metrics import Metrics
from richesreach.core.settings import Settings
from richesreach.core.tracing import Tracing
from stream_servers import EXTERNAL, Broker

_numbers = itertools.count(1)


def own_topic(broker: Broker, kinds: Any = Tick) -> Topic:
    """A topic that no other test knows."""
    topic = Topic(f"test.{os.getpid()}.{next(_numbers)}", kinds)
    broker.create(topic.name)
    return topic


def tick(sequence: int, symbol: str = "AAPL") -> Tick:
    return Tick(
        symbol=symbol,
        venue="XNAS",
        price=Decimal("187.25"),
        size=Decimal(100),
        event_time=1_700_000_000_000_000_000 + sequence,
        received_time=1_700_000_000_000_100_000 + sequence,
        source="generator",
        licence="internal",
        sequence=sequence,
    )


def packed(*sequences: int, symbol: str = "AAPL") -> TickBatch:
    """What `tick` says, packed."""
    ticks = [
        PackedTick(
            s=symbol,
            q=sequence,
            t=1_700_000_000_000_000_000 + sequence,
            r=1_700_000_000_000_100_000 + sequence,
            p=18_725_000_000,
            z=10_000_000_000,
        )
        for sequence in sequences
    ]
    return TickBatch(source="generator", venue="XNAS", licence="internal", ticks=ticks)


def settings_for(endpoint: str, service: str = "gateway") -> Settings:
    environment = task_environment(None, None) | {"SERVICE_NAME": service}
    stream = {"KAFKA_BOOTSTRAP_SERVERS": endpoint, "KAFKA_SECURITY": "plaintext"}
    return Settings.from_environment({**environment, **stream})


@asynccontextmanager
async def events_of(
    endpoint: str, service: str = "gateway", *, session: float = SESSION if EXTERNAL else 3.0
) -> AsyncIterator[Events]:
    """`session` is in seconds. tansu lets who joins a group wait for half of it; Apache Kafka admits none
    shorter than 6 s.
    """
    settings = settings_for(endpoint, service)
    assert settings.stream is not None
    events = Events(
        settings, settings.stream, metrics=Metrics(), tracing=Tracing(settings), session_seconds=session
    )
    events.open()
    try:
        yield events
    finally:
        await events.close()


async def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait for what the event loop has to do meanwhile."""
    await asyncio.to_thread(until, condition, what, 60.0)
