"""Consuming as a member of a group: every message is handled at least once, and in order by partition."""

import asyncio
import contextlib
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from confluent_kafka import KafkaException, Message

from richesreach.core import logs
from richesreach.core.database import DatabaseUnavailableError
from richesreach.core.events.dead_letters import Reason, dead_letter, headers_of
from richesreach.core.events.errors import PoisonError
from richesreach.core.events.membership import Membership
from richesreach.core.events.metrics import EventMetrics
from richesreach.core.events.schemas import DeadLetter
from richesreach.core.events.topics import Topic
from richesreach.core.logs import logger
from richesreach.core.resilience.errors import BulkheadFullError, CircuitOpenError
from richesreach.core.tracing import Tracing

Handle = Callable[[Any], Awaitable[None]]
Bury = Callable[[bytes, DeadLetter], Awaitable[None]]

# Tries of a handler that fails by itself, before the message goes to the dead letters.
ATTEMPTS = 5
# Seconds.
FIRST_WAIT, LONGEST_WAIT = 0.1, 10.0
STAY_INTERVAL = 1.0
LAG_INTERVAL = 10.0
# Trouble of something that the handler needs: no message is to blame for it, so it waits until that is over.
OUTAGES = (OSError, TimeoutError, DatabaseUnavailableError, CircuitOpenError, BulkheadFullError)


class Subscription:
    """One group's work on one topic in this process."""

    def __init__(
        self,
        topic: Topic,
        group: str,
        handle: Handle,
        *,
        membership: Membership,
        bury: Bury,
        metrics: EventMetrics,
        tracing: Tracing,
    ) -> None:
        self.topic, self.group = topic, group
        self._handle = handle
        self._membership = membership
        self._bury = bury
        self._metrics = metrics
        self._tracing = tracing
        self._decoder = msgspec.json.Decoder(topic.kinds)
        self._ending = asyncio.Event()
        self._labels = (topic.name, group)

    def end(self) -> None:
        """Handle what is being handled, commit it, and leave the group."""
        self._ending.set()

    async def run(self) -> None:
        """Until `end` is called."""
        watch = asyncio.create_task(self._watch_lag(), name=f"lag of {self.group}")
        waits = 0
        try:
            while not self._ending.is_set():
                try:
                    await self._member()
                except KafkaException as error:
                    logger().error("consumer_failed", group=self.group, error=str(error))
                    await self._wait(waits)
                    waits += 1
        finally:
            watch.cancel()
            await self._membership.leave()

    async def _member(self) -> None:
        await self._membership.join()
        while not self._ending.is_set():
            batch = await self._membership.fetch()
            if batch:
                await self._take(batch)

    async def _take(self, batch: list[Message]) -> None:
        """Handle a batch, its partitions side by side, and commit what is done."""
        partitions: dict[int, list[Message]] = defaultdict(list)
        for message in batch:
            partitions[message.partition() or 0].append(message)
        work = asyncio.gather(*(self._in_order(messages) for messages in partitions.values()))
        try:
            while not (await asyncio.wait({work}, timeout=STAY_INTERVAL))[0]:
                await self._membership.commit()
                await self._membership.stay()
            await work
        finally:
            work.cancel()
            await self._membership.commit()
            await self._membership.go_on()

    async def _in_order(self, messages: list[Message]) -> None:
        for message in messages:
            partition, offset = message.partition() or 0, message.offset() or 0
            if self._ending.is_set() or partition in self._membership.lost:
                return
            if not await self._finish(message):
                return
            self._membership.done(partition, offset)

    async def _finish(self, message: Message) -> bool:
        """Handle one message, or bury it; False when the service ends before either is done."""
        headers = headers_of(message)
        started = time.perf_counter()
        with (
            logs.facts(request_id=headers.get("x-request-id"), topic=self.topic.name, group=self.group),
            self._tracing.continued(f"{self.topic.name} process", headers.get("traceparent", "")),
        ):
            finished = await self._try(message)
        self._metrics.handling.labels(*self._labels).observe(time.perf_counter() - started)
        _, published = message.timestamp()
        if finished and published > 0:
            self._metrics.delay.labels(*self._labels).observe(max(0.0, time.time() - published / 1000))
        return finished

    async def _try(self, message: Message) -> bool:
        try:
            decoded = self._decoder.decode(message.value() or b"")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return await self._dead(message, "undecodable", error, 0)
        attempt, waits = 0, 0
        while True:
            attempt += 1
            try:
                await self._handle(decoded)
            except OUTAGES as error:
                attempt -= 1
                logger().warning("handler_waits", error=type(error).__name__)
            except PoisonError as error:
                return await self._dead(message, "refused", error, attempt)
            except Exception as error:
                if attempt >= ATTEMPTS:
                    return await self._dead(message, "failed", error, attempt)
                logger().warning("handler_failed", attempt=attempt, exc_info=True)
            else:
                self._metrics.consumed.labels(*self._labels, "handled").inc()
                return True
            self._metrics.retried.labels(*self._labels).inc()
            if await self._wait(waits) or self._is_lost(message):
                return False
            waits += 1

    async def _dead(self, message: Message, reason: Reason, error: Exception, attempts: int) -> bool:
        """Kept until the broker has it: a message is never dropped because its letter could not be sent."""
        letter = dead_letter(message, self.group, reason, error, attempts)
        logger().error(
            "dead_letter", reason=reason, error=letter.error, partition=letter.partition, offset=letter.offset
        )
        waits = 0
        while True:
            try:
                await self._bury(message.key() or b"", letter)
            except Exception as trouble:
                logger().warning("dead_letter_waits", error=str(trouble))
                if await self._wait(waits) or self._is_lost(message):
                    return False
                waits += 1
            else:
                self._metrics.dead_letters.labels(*self._labels, reason).inc()
                self._metrics.consumed.labels(*self._labels, "dead").inc()
                return True

    async def _wait(self, number: int) -> bool:
        """Wait before another try, longer each time; whether the service ends meanwhile."""
        seconds = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(number, 10)) * random.uniform(0.5, 1.0)  # noqa: S311
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)
        return self._ending.is_set()

    def _is_lost(self, message: Message) -> bool:
        return (message.partition() or 0) in self._membership.lost

    async def _watch_lag(self) -> None:
        gauge = self._metrics.lag.labels(*self._labels)
        while True:
            await asyncio.sleep(LAG_INTERVAL)
            behind = await self._membership.lag()
            if behind is not None:
                gauge.set(behind)
