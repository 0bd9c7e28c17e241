"""Reading one partition from where the reader wants, without a group: for whoever keeps its own place."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaException, TopicPartition

from richesreach.core.events.errors import StreamUnavailableError

Result = TypeVar("Result")

# Seconds.
_METADATA_TIMEOUT = 5.0


class PartitionLog:
    """Opened by `Events.log`. All of it runs in a thread of its own."""

    def __init__(self, connection: Mapping[str, Any], topic: str, partition: int, group: str) -> None:
        self._configuration = {
            **connection,
            # Nothing is ever committed in it; the client asks for a name all the same.
            "group.id": group,
            "enable.auto.commit": False,
            # Of what the topic keeps no longer, on with the oldest that it has.
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
        }
        self._topic = topic
        self._partition = partition
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"stream-log-{topic}")
        self._consumer: Consumer | None = None

    async def bounds(self) -> tuple[int, int]:
        """The oldest offset that is kept, and the next that will be given; of the latter some brokers say
        less than is true. Raises StreamUnavailableError.
        """
        return await self._run(self._bounds)

    async def seek(self, offset: int) -> None:
        """Read on from there."""
        await self._run(lambda: self._assign(offset))

    async def read(self, most: int, patience: float) -> list[tuple[int, bytes]]:
        """Up to `most` (offset, value), as soon as there are any; none after `patience` seconds without."""
        return await self._run(lambda: self._read(most, patience))

    async def close(self) -> None:
        await self._run(self._end)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except KafkaException as error:
            raise StreamUnavailableError(f"{self._topic} cannot be read: {error.args[0].str()}") from error

    def _opened(self) -> Consumer:
        if self._consumer is None:
            self._consumer = Consumer(self._configuration)
            self._consumer.poll(0)  # a first token, where one is needed
        return self._consumer

    def _bounds(self) -> tuple[int, int]:
        place = TopicPartition(self._topic, self._partition)
        low, high = self._opened().get_watermark_offsets(place, timeout=_METADATA_TIMEOUT)
        return int(low), int(high)

    def _assign(self, offset: int) -> None:
        self._opened().assign([TopicPartition(self._topic, self._partition, offset)])

    def _read(self, most: int, patience: float) -> list[tuple[int, bytes]]:
        consumer = self._opened()
        first = consumer.poll(patience)
        if first is None:
            return []
        found = []
        for message in (first, *consumer.consume(most - 1, 0)):
            offset, value = message.offset(), message.value()
            # What has no offset is news of the connection, which librdkafka mends itself.
            if message.error() is None and offset is not None:
                found.append((offset, value or b""))
        return found

    def _end(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
