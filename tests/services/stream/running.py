"""The operator as a service runs it, on a real broker and cache, with its snapshots in a dictionary."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
from cache_servers import CachePair
from confluent_kafka import Consumer, Producer, TopicPartition
from loopback import until
from one_tick_at_a_time import NOON
from one_tick_at_a_time import tick as packed_tick
from prometheus_client import CollectorRegistry
from redis import Redis
from richesreach.core.cache import Nodes
from richesreach.core.endpoints import Endpoint, StreamAddress
from richesreach.core.events.connection import connection
from richesreach.core.events.metrics import EventMetrics
from richesreach.core.events.schemas import PackedTick, TickBatch
from richesreach.core.layout import PRICE, SHAPE
from richesreach.stream import membership
from richesreach.stream.metrics import StreamMetrics
from richesreach.stream.operator import Operator
from richesreach.stream.outputs import Identity
from richesreach.stream.settings import StreamSettings
from richesreach.stream.snapshot_store import LakeSnapshots
from stream_servers import PARTITIONS, Broker

# The first second of a minute: no minute ends in what follows, and bars are those of seconds.
START = NOON
SNAPPY = StreamSettings(snapshot_seconds=1, take_milliseconds=1)
_members = itertools.count(1)


class Drawer:
    """Objects as the lake keeps them, that outlive every operator; `shut` lets nothing be written."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.shut = False

    def names(self, prefix: str, most: int) -> list[str]:
        return sorted(name for name in self.objects if name.startswith(prefix))[:most]

    def read(self, name: str) -> bytes:
        return self.objects[name]

    def write(self, name: str, value: bytes) -> None:
        if self.shut:
            raise OSError("the lake is away")
        self.objects[name] = value


class Topics:
    """Publishes ticks to partitions by number, and reads everything that the operator has published."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._producer = Producer({"bootstrap.servers": broker.endpoint, "linger.ms": 0.5})

    def ticks(self, partition: int, *ticks: PackedTick, source: str = "x") -> None:
        batch = TickBatch(source=source, venue="XNAS", licence="internal", ticks=list(ticks))
        self.raw(partition, msgspec.json.encode(batch))

    def raw(self, partition: int, value: bytes) -> None:
        self._producer.produce(membership.TOPIC, value, partition=partition)
        assert self._producer.flush(30) == 0

    def read(self, topic: str) -> list[tuple[bytes, bytes]]:
        """All messages: the header `id`, and the value."""
        consumer = Consumer(
            {
                "bootstrap.servers": self._broker.endpoint,
                "group.id": f"reader-{next(_members)}",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
        found: list[tuple[bytes, bytes]] = []
        quiet = time.monotonic() + 8
        while time.monotonic() < quiet:
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                given = message.headers() or []
                headers = dict(given.items() if isinstance(given, dict) else given)
                found.append((bytes(headers.get("id") or b""), message.value() or b""))
                quiet = time.monotonic() + 1.5
        consumer.close()
        return found


def operator(broker: Broker, nodes: Nodes, drawer: Drawer, settings: StreamSettings = SNAPPY) -> Operator:
    address = StreamAddress((Endpoint(broker.host, broker.port),), "plaintext")
    registry = CollectorRegistry()
    return Operator(
        connection(address, client="stream", region="eu-west-1"),
        LakeSnapshots(drawer, "eu-west-1"),
        nodes,
        settings,
        member=f"member-{next(_members)}",
        metrics=StreamMetrics(registry),
        events=EventMetrics(registry),
    )


def nodes_of(caches: CachePair) -> Nodes:
    primary = Endpoint(caches.primary.host, caches.primary.port)
    return Nodes("cache", [primary], [primary], tls=False)


@asynccontextmanager
async def running(made: Operator) -> AsyncIterator[Operator]:
    made.open()
    try:
        yield made
    finally:
        await made.close()


async def eventually(condition: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(until, condition, what, 60.0)


class Window:
    """What readers of the cache see."""

    def __init__(self, caches: CachePair) -> None:
        self._client = Redis(host=caches.primary.host, port=caches.primary.port)

    def price(self, symbol: str) -> float | None:
        raw = self._client.get(SHAPE.key(symbol))
        found = SHAPE.reading(raw, PRICE) if isinstance(raw, bytes) else None
        return None if found is None else found.value

    def empty(self) -> None:
        self._client.flushall()


def tick(symbol: str, sequence: int, at: int, price: float = 1.0) -> PackedTick:
    return packed_tick(symbol, sequence, at, round(price * 10**8))


def identity(text: bytes) -> Identity:
    return Identity(*map(int, text.split(b"-")))
