"""The running operator: ticks in; vectors, bars, indicators and dead letters out; snapshots between them.

Everything that comes of a message follows from the messages before it, and is published before the snapshot
that has it is kept. So whatever goes wrong is mended in one way: begin anew from the last snapshots. Some
outputs then come again, under the same ids.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
from confluent_kafka import KafkaException, Message

from richesreach.core.cache import Nodes
from richesreach.core.ending import end
from richesreach.core.events.accounting import StageAccount
from richesreach.core.events.metrics import EventMetrics
from richesreach.core.events.topics import DLQ, MARKET_TICKS
from richesreach.core.logs import logger
from richesreach.stream.accounts import accounts_of
from richesreach.stream.held import AnotherTopicError, Held, Messages
from richesreach.stream.letters import letters
from richesreach.stream.membership import Membership
from richesreach.stream.metrics import StreamMetrics
from richesreach.stream.outbox import Outbox, OutputsLostError
from richesreach.stream.outputs import outputs
from richesreach.stream.partition import Taken
from richesreach.stream.settings import StreamSettings
from richesreach.stream.snapshot_store import SnapshotStore
from richesreach.stream.vector_writer import VectorWriter
from richesreach.stream.wide import Integers

GROUP = "stream"
# Outputs that are encoded while a take is waited for, and the share of those that wait: a second that closes
# has thousands, which would hold up the vectors of the takes after it.
OUTPUTS_AT_ONCE, OUTPUTS_SHARE = 100, 1 / 32
# Seconds.
ROUTINE, FIRST_WAIT, LONGEST_WAIT, PATIENCE = 1.0, 0.5, 30.0, 0.002
_ENCODER = msgspec.json.Encoder()


class Operator:
    """Until it is closed. Work goes on in the event loop, and blocking calls of Kafka in a thread."""

    def __init__(
        self,
        connection: Mapping[str, Any],
        store: SnapshotStore,
        nodes: Nodes,
        settings: StreamSettings,
        *,
        member: str,
        metrics: StreamMetrics,
        events: EventMetrics,
    ) -> None:
        self._connection, self._store, self._settings, self._member = connection, store, settings, member
        self.metrics, self._events = metrics, events
        self._vectors = VectorWriter(nodes)
        self._outbox = Outbox(connection, bars=settings.bars)
        self._membership = self._new_membership()
        self._task: asyncio.Task[None] | None = None
        self._uploads: set[asyncio.Task[None]] = set()
        self._ending = False
        self._taken_at = self._routine_at = 0.0
        self.trouble: str | None = "it has not begun"

    @property
    def held(self) -> Mapping[int, Held]:
        return self._membership.held

    def open(self) -> None:
        self._task = asyncio.create_task(self._run(), name="operator")

    async def close(self) -> None:
        """Publish what was made, keep a snapshot of every partition, and leave the group."""
        self._ending = True
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=LONGEST_WAIT)
            await end(self._task)

    def accounts(self) -> Iterator[StageAccount]:
        """For the Teller: of all partitions whose state is known to be of this topic."""
        for held in list(self.held.values()):
            if held.known:
                yield from accounts_of(held, self._member)

    async def _run(self) -> None:
        waits = 0
        while not self._ending:
            began = time.monotonic()
            try:
                await self._work()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                expected = isinstance(error, (KafkaException, OutputsLostError, OSError))
                self.trouble = f"{type(error).__name__}: {error}"
                logger().error("operator_begins_anew", error=self.trouble, exc_info=not expected)
                self.metrics.restarts.labels(type(error).__name__).inc()
                waits = 0 if time.monotonic() - began > LONGEST_WAIT else waits + 1
                await self._renew(waits)

    async def _renew(self, waits: int) -> None:
        await self._membership.leave(failed=True)
        self._outbox.abandon()
        await asyncio.sleep(min(LONGEST_WAIT, FIRST_WAIT * 2**waits) * random.uniform(0.5, 1.0))  # noqa: S311
        self._outbox = Outbox(self._connection, bars=self._settings.bars)
        self._membership = self._new_membership()

    def _new_membership(self) -> Membership:
        return Membership(self._connection, GROUP, self._store, self._outbox)

    async def _work(self) -> None:
        """Raises whatever goes wrong."""
        await self._membership.join()
        while not self._ending:
            messages = await self._fetch()
            self.trouble = None
            for number, portion in _by_partition(messages).items():
                await self._take(number, portion)
            self._look_for_trouble()
            if time.monotonic() - self._routine_at >= ROUTINE:
                self._routine_at = time.monotonic()
                await self._routine()
        await self._vectors.finish()
        await self._membership.leave(failed=False)

    async def _fetch(self) -> list[Message]:
        now = time.monotonic()
        pause = self._taken_at + self._settings.take_milliseconds / 1000 - now
        waiting = self._outbox.waiting
        fetch = self._membership.fetch(pause, PATIENCE) if waiting else self._membership.fetch(pause)
        fetching = asyncio.create_task(fetch, name="fetch")
        try:
            await asyncio.sleep(0)  # from here on it waits in its thread
            most = max(OUTPUTS_AT_ONCE, int(waiting * OUTPUTS_SHARE))
            self.metrics.outputs.inc(self._outbox.send(most))
        finally:
            found = await fetching
            self._taken_at = time.monotonic()
        return found

    async def _take(self, number: int, messages: Messages) -> None:
        held = self.held.get(number)
        if held is None:  # it went while they were fetched
            return
        try:
            messages = held.verified(messages)
        except AnotherTopicError as error:
            logger().error("topic_is_another", partition=number, found=str(error))
            await self._membership.begin_anew(number)
            return
        taken = held.state.take(messages)
        for closing in taken.closings:
            self._outbox.put(outputs(number, held.state, closing), len(closing.rows), held.stage)
        if taken.refused or taken.unreadable:
            self._bury(held, taken, dict(messages))
        await self._write(held, taken.changed, int(taken.ticks.received.min()) if len(taken.ticks) else None)
        self._count(taken)

    async def _write(self, held: Held, changed: Integers, received: int | None) -> None:
        if len(held.unwritten):
            changed = np.union1d(changed, held.unwritten)
            held.unwritten = changed[:0]
        if not len(changed):
            return

        sequences = held.state.sequences

        def written(well: bool) -> None:
            self.metrics.vectors.labels("written" if well else "failed").inc(len(changed))
            held.featured.end(changed, begun, sequences.next.shape, well=well)
            if not well:
                held.unwritten = np.union1d(held.unwritten, changed)
            elif received is not None:
                self.metrics.delay.observe(max(0.0, (time.time_ns() - received) / 1e9))

        begun = held.featured.begin(sequences, changed)
        vectors = held.state.online.encode(changed)
        await self._vectors.begin(held.places_of(changed), vectors, written)
        await asyncio.sleep(0)  # it goes out before the next partition is taken

    def _bury(self, held: Held, taken: Taken, values: dict[int, bytes]) -> None:
        for letter in letters(held.number, taken, values, GROUP):
            self._events.dead_letters.labels(MARKET_TICKS.name, GROUP, letter.reason).inc()
            self._outbox.bury(DLQ.name, b"", _ENCODER.encode(letter), held.stage)

    def _count(self, taken: Taken) -> None:
        self.metrics.ticks.labels("entered").inc(len(taken.ticks))
        if taken.duplicates:
            self.metrics.ticks.labels("duplicate").inc(taken.duplicates)
        for refused in taken.refused:
            self.metrics.ticks.labels(refused.reason).inc()

    def _look_for_trouble(self) -> None:
        for held in self.held.values():
            for stage in (held.stage, held.captured.stage if held.captured else held.stage):
                if stage.trouble is not None:
                    raise OutputsLostError(stage.trouble.str())

    async def _routine(self) -> None:
        """Once a second: how far it is, and one snapshot at the most, so that takes wait for no more."""
        await self._membership.commit()
        lags = await self._membership.lags()
        self._events.lag.labels(MARKET_TICKS.name, GROUP).set(sum(lags.values()))
        now = time.monotonic()
        ages = [now - held.captured_at for held in self.held.values() if held.state.offset > held.kept]
        self.metrics.snapshot_age.set(max(ages, default=0.0))
        self.metrics.partitions.set(len(self.held))
        self.metrics.missing.set(sum(held.state.sequences.all_lost() for held in self.held.values()))
        for held in list(self.held.values()):
            if held.known and len(held.unwritten):
                await self._write(held, held.unwritten[:0], None)
            if held.captured is not None and held.captured.stage.open == 0:
                self._upload(held)
        due = [held for held in self.held.values() if held.due(self._settings.snapshot_seconds)]
        if due:
            min(due, key=lambda held: held.captured_at).capture()

    def _upload(self, held: Held) -> None:
        captured, held.captured = held.captured, None
        if captured is None:
            return

        async def keep() -> None:
            try:
                await asyncio.to_thread(captured.keep, self._store)
            except Exception as error:
                logger().warning("snapshot_failed", partition=held.number, error=str(error))
                self.metrics.snapshots.labels("failed").inc()
            else:
                held.kept = max(held.kept, captured.offset)
                self.metrics.snapshots.labels("kept").inc()

        task = asyncio.create_task(keep(), name=f"snapshot of {held.number}")
        self._uploads.add(task)
        task.add_done_callback(self._uploads.discard)


def _by_partition(messages: list[Message]) -> dict[int, list[tuple[int, bytes]]]:
    found: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
    for message in messages:
        found[message.partition() or 0].append((message.offset() or 0, message.value() or b""))
    return found
