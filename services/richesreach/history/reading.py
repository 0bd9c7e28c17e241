"""Reading one topic in one group: batches go to a worker, which says up to where all is kept for good."""

import asyncio
import contextlib
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from confluent_kafka import KafkaException, Message

from richesreach.core.database import DatabaseUnavailableError
from richesreach.core.ending import end
from richesreach.core.events.errors import StreamUnavailableError
from richesreach.core.events.membership import Membership
from richesreach.core.events.metrics import EventMetrics
from richesreach.core.logs import logger
from richesreach.core.resilience.errors import CircuitOpenError

# Seconds. A member that is silent so long has left.
SESSION = 10.0
FIRST_WAIT, LONGEST_WAIT, STAY_INTERVAL, LAG_INTERVAL = 0.2, 15.0, 1.0, 10.0
# Files and rows are made of many messages: a broker is asked twice a second, and not for each of them.
FETCH_WAIT, FETCH_BYTES = 0.5, 65_536
# Trouble of what the worker writes to: the same batch is tried again until it is over.
OUTAGES = (OSError, TimeoutError, DatabaseUnavailableError, StreamUnavailableError, CircuitOpenError)


class Worker(Protocol):
    """What becomes of messages. All of it may be asked again for the same ones, and does nothing twice."""

    async def take(self, messages: Sequence[Message]) -> None:
        """The next messages, perhaps none. Raises one of OUTAGES for what is to be tried again."""

    async def finish(self) -> None:
        """Keep what is not kept yet, before the partitions go."""

    def done(self) -> Mapping[int, int]:
        """The offset of each partition before which all is kept."""

    def drop(self, partitions: set[int]) -> None:
        """These are another member's by now."""


class Reading:
    """Until it is closed. What a worker fails at otherwise is begun anew, from what is kept."""

    def __init__(
        self, connection: Mapping[str, Any], topic: str, group: str, worker: Worker, metrics: EventMetrics
    ) -> None:
        self.topic, self.group = topic, group
        self.trouble: str | None = "it has not begun"
        self._connection, self._worker, self._metrics = connection, worker, metrics
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._measured = 0.0

    def open(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"reading of {self.topic}")

    async def close(self) -> None:
        """Keep what was read, say so, and leave the group."""
        self._ending.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=SESSION)
            await end(self._task)

    async def _run(self) -> None:
        waits = 0
        while not self._ending.is_set():
            began = time.monotonic()
            membership = Membership(
                self._connection,
                self.topic,
                self.group,
                SESSION,
                fetch_wait=FETCH_WAIT,
                fetch_bytes=FETCH_BYTES,
            )
            try:
                await self._read(membership)
            except Exception as error:
                self.trouble = f"{type(error).__name__}: {error}"
                level = logger().warning if isinstance(error, KafkaException) else logger().exception
                level("reading_begins_anew", topic=self.topic, group=self.group, error=self.trouble)
                # Not after each batch that is taken: those before the one that fails are, each time.
                waits = 0 if time.monotonic() - began > LONGEST_WAIT else waits
                await self._wait(waits)
                waits += 1
            finally:
                with contextlib.suppress(KafkaException):
                    await membership.leave()
                self._worker.drop(set(self._worker.done()))

    async def _read(self, membership: Membership) -> None:
        await membership.join()
        while not self._ending.is_set():
            batch = await membership.fetch()
            # Before the batch is taken: of a partition that came back, it is what follows the other member's.
            self._worker.drop(membership.lost_since())
            await self._taken(membership, [each for each in batch if each.partition() not in membership.lost])
            await self._commit(membership)
            await self._measure(membership)
        await self._staying(membership, asyncio.ensure_future(self._worker.finish()))
        await self._commit(membership)

    async def _taken(self, membership: Membership, batch: list[Message]) -> None:
        waits = 0
        while not self._ending.is_set():
            try:
                await self._staying(membership, asyncio.ensure_future(self._worker.take(batch)))
            except OUTAGES as error:
                self.trouble = f"{type(error).__name__}: {error}"
                logger().warning("reading_waits", topic=self.topic, group=self.group, error=self.trouble)
                await self._wait(waits)
                waits += 1
                lost = membership.lost_since()
                self._worker.drop(lost)
                batch = [message for message in batch if message.partition() not in lost]
            else:
                self.trouble = None
                return

    async def _staying(self, membership: Membership, work: "asyncio.Future[None]") -> None:
        """Take part in the group while the worker works."""
        try:
            while not (await asyncio.wait({work}, timeout=STAY_INTERVAL))[0]:
                await membership.stay()
            await work
        finally:
            await membership.go_on()

    async def _commit(self, membership: Membership) -> None:
        for partition, offset in self._worker.done().items():
            if offset > 0:
                membership.done(partition, offset - 1)
        await membership.commit()

    async def _measure(self, membership: Membership) -> None:
        if time.monotonic() - self._measured < LAG_INTERVAL:
            return
        self._measured = time.monotonic()
        behind = await membership.lag()
        if behind is not None:
            self._metrics.lag.labels(self.topic, self.group).set(behind)

    async def _wait(self, number: int) -> None:
        seconds = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(number, 10)) * random.uniform(0.5, 1.0)  # noqa: S311
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)
