"""The operator's place in its group: a partition comes with its state, and goes after all of it is kept.

Offsets to go on from are those of the snapshots; what is committed tells lag, and nothing is read from there.
All blocking calls are made in one thread, in which the group's callbacks run, too.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from richesreach.core.events.membership import member_configuration
from richesreach.core.events.topics import MARKET_TICKS
from richesreach.core.logs import logger
from richesreach.stream.held import Held
from richesreach.stream.outbox import Outbox
from richesreach.stream.snapshot_store import SnapshotStore

Result = TypeVar("Result")
# Seconds: a member that is silent so long has left; outputs have so long to be acknowledged before a
# partition goes; and for so long the first message is waited for.
SESSION, PARTING, PATIENCE = 10.0, 15.0, 0.1
# Seconds that a broker keeps a question open. Kafka answers with the first byte that comes; tansu looks again
# and again, through all that it holds: asked fifty times a second, three idle ones took half a core.
FETCH_WAIT = 0.1
# Messages of one take. Of 500 ticks each they are more than a second of the fastest source.
MOST = 256
# By how many messages a broker may say too low an end (tansu says where its last batch begins).
_SHORT = 1000
TOPIC = MARKET_TICKS.name


class Membership:
    """`held` are the partitions of this process, by number."""

    def __init__(
        self, connection: Mapping[str, Any], group: str, store: SnapshotStore, outbox: Outbox
    ) -> None:
        self.held: dict[int, Held] = {}
        self._store, self._outbox = store, outbox
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="stream-membership")
        self._failed = False
        # Where an offset is gone from the topic, the state says whether that is the same topic.
        self._configuration = member_configuration(connection, group, SESSION, fetch_wait=FETCH_WAIT)
        self._consumer: Consumer | None = None

    async def join(self) -> None:
        await self._call(self._join)

    async def fetch(self, pause: float, patience: float = PATIENCE) -> list[Message]:
        """What there is: after the first message it is waited `pause` seconds for others, and no longer."""
        return await self._call(lambda consumer: self._fetch(consumer, pause, patience))

    async def begin_anew(self, number: int) -> None:
        """Drop the state of a partition, and read it from its beginning."""
        await self._call(lambda consumer: self._begin_anew(consumer, number))

    async def commit(self) -> None:
        """Tell the brokers how far all partitions are."""
        await self._call(self._commit)

    async def lags(self) -> dict[int, int]:
        """Messages of each partition that are not taken, as far as the last answers of the brokers say."""
        return await self._call(self._lags)

    async def leave(self, *, failed: bool) -> None:
        """Give all partitions back. What is `failed` keeps no snapshot more: its outputs did not arrive."""
        self._failed = failed
        if self._consumer is not None:
            await self._call(self._leave)
        self._thread.shutdown(wait=False)

    async def _call(self, work: Callable[[Consumer], Result]) -> Result:
        def in_thread() -> Result:
            if self._consumer is None:
                self._consumer = Consumer(self._configuration)
            return work(self._consumer)

        return await asyncio.get_running_loop().run_in_executor(self._thread, in_thread)

    def _join(self, consumer: Consumer) -> None:
        consumer.subscribe([TOPIC], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)

    def _fetch(self, consumer: Consumer, pause: float, patience: float) -> list[Message]:
        first = consumer.poll(patience)
        if first is None:
            return []
        if pause > 0:
            time.sleep(pause)
        return [message for message in (first, *consumer.consume(MOST - 1, 0)) if _is_one(message)]

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        placed = []
        for partition in partitions:
            held = self._restored(consumer, partition.partition)
            self.held[partition.partition] = held
            placed.append(TopicPartition(TOPIC, partition.partition, held.start))
        consumer.incremental_assign(placed)
        logger().info("partitions_assigned", partitions={each.partition: each.offset for each in placed})

    def _restored(self, consumer: Consumer, number: int) -> Held:
        """Raises what the store and the brokers raise."""
        found = self._store.newest(number)
        if found is None:
            return Held.anew(number)
        _, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, number), timeout=SESSION)
        if end + _SHORT < found.state.offset:
            logger().error("topic_is_another", partition=number, end=end, snapshot=found.state.offset)
            return Held.anew(number)
        return Held.restored(number, found)

    def _begin_anew(self, consumer: Consumer, number: int) -> None:
        if number in self.held:
            self.held[number] = Held.anew(number)
            consumer.seek(TopicPartition(TOPIC, number, OFFSET_BEGINNING))

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        going = [self.held[each.partition] for each in partitions if each.partition in self.held]
        try:
            if not self._failed:
                self._outbox.flush(PARTING)
                self._commit(consumer)
                for held in going:
                    self._keep(held)
        finally:
            self._lost(consumer, partitions)

    def _keep(self, held: Held) -> None:
        """A last snapshot; without it the next member goes on from the one before, and repeats outputs."""
        stages = [held.stage, *([held.captured.stage] if held.captured else [])]
        if held.state.offset == held.kept:
            return
        if not held.known or any(stage.open or stage.trouble for stage in stages):
            logger().warning("partition_left_without_snapshot", partition=held.number)
            return
        try:
            held.capture().keep(self._store)
        except Exception as error:
            logger().warning("snapshot_failed", partition=held.number, error=str(error))

    def _lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            self.held.pop(partition.partition, None)
        logger().info("partitions_gone", partitions=sorted(each.partition for each in partitions))

    def _commit(self, consumer: Consumer) -> None:
        offsets = [TopicPartition(TOPIC, held.number, held.state.offset) for held in self._begun()]
        if offsets:
            consumer.commit(offsets=offsets, asynchronous=True)

    def _lags(self, consumer: Consumer) -> dict[int, int]:
        lags = {}
        for held in self._begun():
            _, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, held.number), cached=True)
            lags[held.number] = max(0, end - held.state.offset)
        return lags

    def _begun(self) -> list[Held]:
        return [held for held in self.held.values() if held.known and held.state.offset > 0]

    def _leave(self, consumer: Consumer) -> None:
        consumer.close()
        self._consumer = None


def _is_one(message: Message) -> bool:
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        logger().warning("fetch_failed", topic=TOPIC, error=error.str())
    return error is None
