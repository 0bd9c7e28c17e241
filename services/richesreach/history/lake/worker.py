"""The lake's side of reading a topic: one writer for each partition that is this process's."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from confluent_kafka import Message

from richesreach.core.events import Events
from richesreach.core.events.accounting import EVERY, StageAccount, account_of
from richesreach.core.events.dead_letters import dead_letter
from richesreach.core.events.topics import DLQ
from richesreach.history.lake.layouts import TICKS
from richesreach.history.lake.manifests import Place
from richesreach.history.lake.writer import Counts, Limits, PartitionWriter, opened
from richesreach.history.metrics import HistoryMetrics


class LakeWorker:
    """Messages of one topic into one dataset. Raises FencedError where another member writes a partition."""

    def __init__(
        self,
        place: Place,
        *,
        group: str,
        origin: str,
        limits: Limits,
        events: Events,
        metrics: HistoryMetrics,
        member: str,
    ) -> None:
        self.accounts: tuple[StageAccount, ...] = ()
        self._place, self._group, self._origin, self._limits = place, group, origin, limits
        self._events, self._metrics, self._member = events, metrics, member
        self._writers: dict[int, PartitionWriter] = {}
        self._told: dict[int, Counts] = {}
        self._accounted = 0.0

    async def take(self, messages: Sequence[Message]) -> None:
        started = time.perf_counter()
        waiting = iter(messages)
        try:
            await self._bury()
            while not await asyncio.to_thread(self._take, waiting):
                await self._bury()
        finally:
            self._count()
            self._metrics.writing.labels(self._place.layout.dataset).observe(time.perf_counter() - started)

    async def finish(self) -> None:
        await self._bury()
        await asyncio.to_thread(self._flush)
        self._count()

    def done(self) -> Mapping[int, int]:
        return {number: writer.done or 0 for number, writer in self._writers.items()}

    def drop(self, partitions: set[int]) -> None:
        for number in partitions:
            self._writers.pop(number, None)
            self._told.pop(number, None)

    def _take(self, waiting: Iterator[Message]) -> bool:
        """Whether all is taken. An unreadable message is to be buried first: the next file says that the lake
        is past it, and nobody reads it again then.
        """
        for message in waiting:
            writer = self._writer(message.partition() or 0)
            writer.take(message)
            if writer.unreadable:
                return False
        for writer in self._writers.values():
            if writer.due:
                writer.flush()
        if self._place.layout is TICKS and time.monotonic() - self._accounted >= EVERY:
            self._accounted = time.monotonic()
            self.accounts = tuple(
                account_of(
                    writer.ledger,
                    stage="lake",
                    member=self._member,
                    source=source,
                    partition=number,
                    newest=newest,
                )
                for number, writer in self._writers.items()
                for source, newest in writer.newest.items()
            )
        return True

    def _flush(self) -> None:
        for writer in self._writers.values():
            writer.flush()

    def _writer(self, number: int) -> PartitionWriter:
        if number not in self._writers:
            self._writers[number] = opened(self._place, number, origin=self._origin, limits=self._limits)
            self._told[number] = Counts()
        return self._writers[number]

    def _count(self) -> None:
        dataset = self._place.layout.dataset
        for number, writer in self._writers.items():
            told, now = self._told[number], writer.counts
            self._metrics.rows.labels(dataset).inc(now.rows - told.rows)
            self._metrics.files.labels(dataset).inc(now.files - told.files)
            self._metrics.repeated.labels(dataset).inc(now.repeated - told.repeated)
            self._metrics.void.inc(now.void - told.void)
            self._metrics.gone.labels(dataset).inc(now.gone - told.gone)
            self._told[number] = replace(now)

    async def _bury(self) -> None:
        """Each letter until the broker has it. A writer that is dropped before its file makes it again."""
        for writer in self._writers.values():
            while writer.unreadable:
                found = writer.unreadable[0]
                letter = dead_letter(found.message, self._group, "undecodable", found.error, 0)
                key = (found.message.key() or b"").decode(errors="replace")
                await self._events.publish(DLQ, key, letter)
                writer.unreadable.pop(0)
                self._metrics.unreadable.labels(self._place.layout.dataset).inc()
