"""The market's data as a task runs it: its environment, its application, and what is on the topic."""

import time
from collections import defaultdict
from collections.abc import Callable

import msgspec
from cache_servers import CachePair
from confluent_kafka import Consumer, TopicPartition
from gateway_task import Environment, task_environment
from postgres_servers import PostgresCluster
from richesreach.core.events.schemas import Heartbeat, Tick, TickBatch
from richesreach.core.events.topics import MARKET_TICKS
from stream_servers import PARTITIONS, Broker

_DECODER = msgspec.json.Decoder(Tick | TickBatch | Heartbeat)


def market_environment(
    kafka: Broker, caches: CachePair, database: PostgresCluster | None = None, **more: str
) -> Environment:
    """One of environment `local`, where the generator runs."""
    return {
        **task_environment(database, caches),
        "SERVICE_NAME": "market-data",
        "ENVIRONMENT": "local",
        "KAFKA_BOOTSTRAP_SERVERS": kafka.endpoint,
        "KAFKA_SECURITY": "plaintext",
        **more,
    }


class TopicReader:
    """Everything that `market.ticks` holds, in the order of each partition."""

    def __init__(self, kafka: Broker) -> None:
        self.messages: list[tuple[int, int, TickBatch | Heartbeat]] = []
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka.endpoint,
                "group.id": "reader-of-the-test",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )
        self._consumer.assign([TopicPartition(MARKET_TICKS.name, number, 0) for number in range(PARTITIONS)])

    def until(self, enough: Callable[["TopicReader"], bool], what: str) -> None:
        ends = time.monotonic() + 60
        while not enough(self):
            assert time.monotonic() < ends, f"{what}, which did not happen; {len(self.messages)} messages"
            for message in self._consumer.consume(1000, 0.2):
                partition, offset, value = message.partition(), message.offset(), message.value()
                if partition is not None and offset is not None and value is not None:
                    self.messages.append((partition, offset, _DECODER.decode(value)))

    @property
    def beats(self) -> list[Heartbeat]:
        return [message for _, _, message in self.messages if isinstance(message, Heartbeat)]

    @property
    def batches(self) -> list[TickBatch]:
        return [message for _, _, message in self.messages if isinstance(message, TickBatch)]

    def numbers(self) -> dict[str, list[int]]:
        """By symbol, in the order of the topic."""
        found: dict[str, list[int]] = defaultdict(list)
        for batch in self.batches:
            for tick in batch.ticks:
                found[tick.s].append(tick.q)
        return found

    def close(self) -> None:
        self._consumer.close()
