"""The blocking half of a consumer: all calls of one librdkafka consumer, in one thread of its own."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from richesreach.core.logs import logger

Result = TypeVar("Result")

# Messages that are taken at once, and seconds to wait for the first.
BATCH, PATIENCE = 500, 0.2
# Seconds within which a broker says where a partition ends.
WATERMARK_TIMEOUT = 2.0


def member_configuration(
    connection: Mapping[str, Any],
    group: str,
    session_seconds: float,
    *,
    fetch_wait: float,
    fetch_bytes: int = 1,
) -> dict[str, Any]:
    """Of a consumer that keeps its own offsets. A broker holds answers back for `fetch_wait` seconds at most,
    or until it has `fetch_bytes`.

    Where a group has no offset, or it is gone from the topic, the member begins with the first message.
    """
    return {
        **connection,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # Partitions that stay with their member are read on while others move.
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": int(session_seconds * 1000),
        "heartbeat.interval.ms": int(session_seconds * 1000 / 3),
        "fetch.wait.max.ms": int(fetch_wait * 1000),
        "fetch.min.bytes": fetch_bytes,
        # What waits in memory for the handler, in all partitions.
        "queued.max.messages.kbytes": 16_384,
        "isolation.level": "read_committed",
    }


class Membership:
    """One member of a group on one topic.

    `lost` are partitions that another member has by now: what is not committed of them, it reads again. A
    partition can be lost and come back within one wait, and be further then: `lost_since` names those, too.
    """

    def __init__(
        self,
        connection: Mapping[str, Any],
        topic: str,
        group: str,
        session_seconds: float,
        *,
        fetch_wait: float = 0.05,
        fetch_bytes: int = 1,
    ) -> None:
        self._configuration = member_configuration(
            connection, group, session_seconds, fetch_wait=fetch_wait, fetch_bytes=fetch_bytes
        )
        self._topic = topic
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"stream-{group}")
        self._consumer: Consumer | None = None
        self._paused = False
        # The next offset of each partition to read when all before it is done.
        self._done: dict[int, int] = {}
        self._committed: dict[int, int] = {}
        self.lost: set[int] = set()
        self._lost_since: set[int] = set()

    async def join(self) -> None:
        await self._call(self._join)

    async def fetch(self) -> list[Message]:
        """The next messages, or none."""
        return await self._call(self._fetch)

    async def stay(self) -> None:
        """Take part in the group without taking messages, while those taken are still being handled."""
        await self._call(self._stay)

    async def go_on(self) -> None:
        if self._paused:
            await self._call(self._resume)

    async def commit(self) -> None:
        if self._done != self._committed:
            await self._call(self._commit)

    async def lag(self) -> int | None:
        """Messages of the own partitions that are not done; None where the brokers do not say."""
        with contextlib.suppress(KafkaException):
            return await self._call(self._lag)
        return None

    async def leave(self) -> None:
        """Commit, give the partitions back at once, and end the thread."""
        if self._consumer is not None:
            await self._call(self._leave)
        self._thread.shutdown(wait=False)

    def lost_since(self) -> set[int]:
        """Partitions that were lost since this was asked last, whoever has them by now."""
        found, self._lost_since = self._lost_since, set()
        return found

    def done(self, partition: int, offset: int) -> None:
        """All of `partition` up to and with `offset` is handled."""
        if partition not in self.lost:
            self._done[partition] = offset + 1

    async def _call(self, work: Callable[[Consumer], Result]) -> Result:
        def in_thread() -> Result:
            if self._consumer is None:
                self._consumer = Consumer(self._configuration)
            return work(self._consumer)

        return await asyncio.get_running_loop().run_in_executor(self._thread, in_thread)

    def _join(self, consumer: Consumer) -> None:
        consumer.subscribe(
            [self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lose
        )

    def _fetch(self, consumer: Consumer) -> list[Message]:
        # To ask for a batch alone would wait for a whole one.
        first = consumer.poll(PATIENCE)
        found = [] if first is None else [first, *consumer.consume(BATCH - 1, 0)]
        return [message for message in found if self._is_one(message)]

    def _is_one(self, message: Message) -> bool:
        error = message.error()
        if error is not None:
            logger().warning("fetch_failed", topic=self._topic, error=error.str())
        return error is None

    # The three below run in the thread, inside of a call that polls.
    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            self.lost.discard(partition.partition)
            self._done.pop(partition.partition, None)
            self._committed.pop(partition.partition, None)
        logger().info("partitions_assigned", topic=self._topic, partitions=_numbers(partitions))
        if self._paused:
            consumer.incremental_assign(partitions)
            consumer.pause(partitions)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._commit(consumer)
        self._forget(partitions)

    def _lose(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._forget(partitions)

    def _forget(self, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            self.lost.add(partition.partition)
            self._lost_since.add(partition.partition)
            self._done.pop(partition.partition, None)
            self._committed.pop(partition.partition, None)
        logger().info("partitions_revoked", topic=self._topic, partitions=_numbers(partitions))

    def _stay(self, consumer: Consumer) -> None:
        self._paused = True
        consumer.pause(consumer.assignment())
        # Paused partitions give nothing, so this serves the group alone.
        consumer.poll(0)

    def _resume(self, consumer: Consumer) -> None:
        self._paused = False
        consumer.resume(consumer.assignment())

    def _commit(self, consumer: Consumer) -> None:
        """What cannot be committed is handled again by whoever has the partition then: at least once."""
        done = dict(self._done)
        offsets = [
            TopicPartition(self._topic, partition, offset)
            for partition, offset in done.items()
            if self._committed.get(partition) != offset
        ]
        if not offsets:
            return
        try:
            consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            logger().warning("commit_failed", topic=self._topic, error=str(error))
            return
        self._committed.update(done)

    def _lag(self, consumer: Consumer) -> int:
        behind = 0
        for partition in consumer.assignment():
            low, high = consumer.get_watermark_offsets(partition, timeout=WATERMARK_TIMEOUT)
            behind += max(0, high - max(low, self._next_of(consumer, partition)))
        return behind

    def _next_of(self, consumer: Consumer, partition: TopicPartition) -> int:
        """The first offset that is not done; never below 0."""
        done = self._done.get(partition.partition)
        if done is not None:
            return done
        (committed,) = consumer.committed([partition], timeout=WATERMARK_TIMEOUT)
        return max(0, int(committed.offset))

    def _leave(self, consumer: Consumer) -> None:
        self._commit(consumer)
        consumer.close()
        self._consumer = None


def _numbers(partitions: list[TopicPartition]) -> list[int]:
    return sorted(partition.partition for partition in partitions)
