"""The tasks of one region, to start and to kill; what they told, and what is on the topics."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from cache_servers import CachePair
from confluent_kafka import Consumer, TopicPartition
from gateway_task import ServiceProcess
from kafka_server import KafkaServer
from loopback import own_address
from market_task import market_environment
from richesreach.core.cache import Nodes
from richesreach.core.endpoints import Endpoint
from richesreach.core.events.accounting import Sum, read, summed
from richesreach.core.events.schemas import Bar
from richesreach.core.events.topics import TOPICS
from richesreach.stream.outputs import Identity
from stream_servers import PARTITIONS, Broker

SYMBOLS = ("AAPL", "MSFT", "NVDA", "TSLA", "AMZN", "JPM", "BTC-USD", "ETH-USD")
# Ticks a second of each symbol.
RATE = 50
Key = tuple[str, str, int]


class Region:
    def __init__(self, kafka: KafkaServer, caches: CachePair, folder: Path) -> None:
        broker = Broker(kafka.host, kafka.port)
        broker.create(*TOPICS)
        self.broker = broker
        self._told = market_environment(
            broker,
            caches,
            MARKET_SYMBOLS=",".join(SYMBOLS),
            MARKET_GENERATOR_RATE=str(RATE),
            DRILL_FOLDER=str(folder),
            STREAM_SNAPSHOT_SECONDS="2",
            LOG_LEVEL="INFO",
        )
        self._cache = Endpoint(caches.primary.host, caches.primary.port)
        self._tasks: list[ServiceProcess] = []

    def start(self, service: str) -> ServiceProcess:
        """One more task of `market-data` or `stream`."""
        told = {**self._told, "SERVICE_NAME": service, "BIND_ADDRESS": own_address()[0]}
        module = {"market-data": "richesreach.market_data", "stream": "stream_task"}[service]
        task = ServiceProcess(module, told, Path(__file__).parent)
        self._tasks.append(task)
        return task

    def end(self) -> None:
        for task in self._tasks:
            if task.process.poll() is None:
                task.kill()

    def sums(self) -> dict[str, Sum]:
        """What each stage told of the generator."""

        async def ask() -> list[Sum]:
            nodes = Nodes("cache", [self._cache], [self._cache], tls=False)
            try:
                return summed(await read(nodes), time.time_ns())
            finally:
                await nodes.close()

        return {one.stage: one for one in asyncio.run(ask())}

    def until(self, enough: Callable[[dict[str, Sum]], bool], what: str) -> dict[str, Sum]:
        ends = time.monotonic() + 180
        while not enough(found := self.sums()):
            assert time.monotonic() < ends, f"{what}: not within three minutes; {found}\n{self.said()}"
            time.sleep(0.5)
        return found

    def said(self) -> str:
        """The last lines of every task."""
        return "\n".join(task.output()[-1500:] for task in self._tasks)

    def messages(self, topic: str) -> Iterator[tuple[int, int, bytes, bytes]]:
        """Partition, offset, the header `id` and the value of all that is there, by partition."""
        consumer = Consumer(
            {"bootstrap.servers": self.broker.endpoint, "group.id": "drill", "enable.auto.commit": False}
        )
        for number in range(PARTITIONS):
            place = TopicPartition(topic, number, 0)
            _, end = consumer.get_watermark_offsets(place, timeout=30)
            consumer.assign([place])
            offset = -1
            while offset + 1 < end:
                message = consumer.poll(30)
                assert message is not None, f"{topic} {number} stands at {offset} of {end}"
                assert message.error() is None, message.error()
                offset = message.offset() or 0
                headers = message.headers() or []
                named = dict(headers.items() if isinstance(headers, dict) else headers)
                yield number, offset, bytes(named.get("id") or b""), message.value() or b""
        consumer.close()

    def bars(self) -> tuple[dict[Key, Bar], int]:
        """Each once, by symbol, interval and start; and how many came again under the same id."""
        found: dict[Key, Bar] = {}
        given: list[tuple[Identity, bytes]] = []
        for _, _, name, value in self.messages("market.bars"):
            partition, offset, sequence = map(int, name.split(b"-"))
            given.append((Identity(partition, offset, sequence), value))
        again, known = 0, dict[Identity, bytes]()
        for identity, value in given:
            if identity in known:
                assert known[identity] == value, f"{identity} came again, and says something else"
                again += 1
                continue
            known[identity] = value
            bar = msgspec.json.decode(value, type=Bar)
            key = bar.symbol, bar.interval, bar.start
            assert key not in found, f"{key} was told twice, under two ids"
            found[key] = bar
        return found, again


@contextmanager
def region(kafka: KafkaServer, caches: CachePair, folder: Path) -> Iterator[Region]:
    made = Region(kafka, caches, folder)
    try:
        yield made
    finally:
        made.end()
