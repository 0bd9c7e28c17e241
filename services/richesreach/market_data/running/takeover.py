"""What a new publisher must know of its predecessors, from the topic itself: the last numbers, and from when
on nobody listened to each source.

It writes a heartbeat of its own term into each partition and reads up to there: what comes after it of an
earlier term is void, so that nothing is missed, whoever else still writes. Numbers are in the heartbeats, and
in the ticks after them.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from richesreach.core.events import Events, StreamUnavailableError
from richesreach.core.events.log import PartitionLog
from richesreach.core.events.scaled import partition_of
from richesreach.core.events.schemas import Heartbeat, Numbers, Tick, TickBatch
from richesreach.core.events.topics import MARKET_TICKS, Topic
from richesreach.core.logs import logger
from richesreach.market_data.lane import UNDER_WAY
from richesreach.market_data.recovery import OVERLAP, Behind, Known

# Messages that are read back at first; eight times as many where they hold no numbers.
BACK, FURTHER = 2000, 8
# Numbers in a heartbeat are those that were acknowledged: of each source so many batches may have been on
# their way, and stand before it.
MARGIN = 16 * UNDER_WAY
# By so many nanoseconds at least the time of a heartbeat is behind the clock; of a late plan by that more.
SETTLING = 1_000_000_000
# Seconds.
PATIENCE, READ = 20.0, 0.5
_MOST = 1000
_DECODER = msgspec.json.Decoder(Tick | TickBatch | Heartbeat)


@dataclass(slots=True)
class Past:
    """`began`, `last`, `lost` and `heard` by source, as in Numbers. `newest` by symbol: whose tick has the
    highest event time, and that; `changed`, where it took another source's place: the time of its first tick.
    `received` by source: when its last tick was. `covered` by partition that was not read from its beginning,
    and source: from which event time on all ticks are known; `read_from` by such a partition: the time in the
    first message that has one, and whether that is a heartbeat's. `recent` are the batches from a little
    before `heard` on.
    """

    began: dict[str, int] = field(default_factory=dict)
    last: dict[str, dict[str, int]] = field(default_factory=dict)
    lost: dict[str, dict[str, int]] = field(default_factory=dict)
    newest: dict[str, tuple[str, int]] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    heard: dict[str, int] = field(default_factory=dict)
    received: dict[str, int] = field(default_factory=dict)
    covered: dict[int, dict[str, int]] = field(default_factory=dict)
    read_from: dict[int, tuple[int, bool]] = field(default_factory=dict)
    recent: list[TickBatch] = field(default_factory=list)
    messages: int = 0

    def behind(self, source: str, symbols: Iterable[str], partitions: int, late: int = 0) -> Behind:
        """What `source`, whose plan is so many nanoseconds late, has to make up for, of a topic of so many
        partitions.
        """
        if not (heard := self.until(source)):
            return Behind()
        recent = [batch for batch in self.recent if batch.source == source]
        # What came later may have been asked for again, a long time after it happened.
        lags = [last.r - last.t for last in (batch.ticks[-1] for batch in recent) if last.r <= heard]
        lag = max(0, min(lags, default=late))
        since, unread = {}, {}
        for symbol in symbols:
            since[symbol] = heard - lag - OVERLAP
            partition = partition_of(symbol, partitions)
            if (covered := self.covered.get(partition)) is not None:
                begins = covered.get(source, heard - lag)
                since[symbol] = max(since[symbol], begins)
                if begins > heard - lag and self._reads_from(partition, late) > heard:
                    unread[symbol] = begins
        return Behind(heard, since, lag, Known(recent), unread)

    def _reads_from(self, partition: int, late: int) -> int:
        """About when the first message that was read of a partition was written; 0: long ago."""
        at, beat = self.read_from.get(partition, (0, False))
        return at + late + SETTLING if beat else at

    def until(self, source: str) -> int:
        """Until when it was listened to: as a publisher said, or else when its last tick came; 0: never."""
        return self.heard.get(source) or self.received.get(source, 0)

    @property
    def told(self) -> set[str]:
        """The sources of which anything is known."""
        return {*self.last, *self.heard}

    def numbers(self, source: str) -> Numbers:
        """To be handed on by who does not run it."""
        last, lost = self.last.get(source, {}), self.lost.get(source, {})
        return Numbers(self.began.get(source, 0), last, lost, self.until(source))

    def add(self, source: str, symbol: str, number: int) -> None:
        known = self.last.setdefault(source, {})
        known[symbol] = max(number, known.get(symbol, 0))

    def add_all(self, numbers: dict[str, Numbers]) -> None:
        for source, of in numbers.items():
            self.began[source] = max(of.began, self.began.get(source, 0))
            self.heard[source] = max(of.heard, self.heard.get(source, 0))
            for symbol, number in of.last.items():
                self.add(source, symbol, number)
            if of.lost:
                self.lost[source] = self.lost.get(source, {}) | of.lost

    def merge(self, others: Iterable["Past"]) -> "Past":
        for other in others:
            for source in other.told:
                began, last = other.began.get(source, 0), other.last.get(source, {})
                lost, heard = other.lost.get(source, {}), other.heard.get(source, 0)
                self.add_all({source: Numbers(began, last, lost, heard)})
            for source, at in other.received.items():
                self.received[source] = max(at, self.received.get(source, 0))
            self.newest |= other.newest
            self.changed |= other.changed
            self.covered |= other.covered
            self.read_from |= other.read_from
            self.recent += other.recent
            self.messages += other.messages
        return self


class _LaterError(Exception):
    """A heartbeat of a later term is there: the clock of this task is behind its predecessor's."""

    def __init__(self, epoch: int) -> None:
        super().__init__(f"epoch {epoch}")
        self.epoch = epoch


async def take_over(events: Events, member: str, topic: Topic = MARKET_TICKS) -> tuple[int, Past]:
    """The epoch of the new term, and what was before it. Raises StreamUnavailableError."""
    partitions = range(await events.partitions(topic))
    epoch = time.time_ns() // 1_000_000
    while True:
        found = await asyncio.gather(
            *(_Reading(events, topic, number, Heartbeat(member=member, epoch=epoch, time=0)).past()
              for number in partitions),
            return_exceptions=True,
        )  # fmt: skip
        later = [error.epoch for error in found if isinstance(error, _LaterError)]
        if later:
            epoch = max(later) + 1
            continue
        for error in found:
            if isinstance(error, BaseException):
                raise error
        past = Past().merge(one for one in found if isinstance(one, Past))
        logger().info("ticks_taken_over", epoch=epoch, messages=past.messages, sources=sorted(past.last))
        return epoch, past


class _Reading:
    """Of one partition, up to `mark`."""

    def __init__(self, events: Events, topic: Topic, partition: int, mark: Heartbeat) -> None:
        self._events = events
        self._topic = topic
        self._partition = partition
        self._mark = mark

    async def past(self) -> Past:
        await self._events.publish(self._topic, str(self._partition), self._mark, partition=self._partition)
        log = self._events.log(self._topic, self._partition)
        try:
            low, high = await log.bounds()
            back = BACK
            while True:
                start = max(low, high - back)
                past, complete = await self._read(log, start)
                if complete or start == low:
                    return past
                back *= FURTHER
        finally:
            await log.close()

    async def _read(self, log: PartitionLog, start: int) -> tuple[Past, bool]:
        """What is there from `start` to the mark, and whether that is all that there is to know."""
        scan = _Scan(self._partition, start, self._mark)
        await log.seek(start)
        until = time.monotonic() + PATIENCE
        while True:
            found = await log.read(_MOST, READ)
            if found:
                until = time.monotonic() + PATIENCE
            elif time.monotonic() > until:
                raise StreamUnavailableError(
                    f"{self._topic.name} has not given what was written to it in {PATIENCE:g} s"
                )
            if any(scan.take(offset, value) for offset, value in found):
                return scan.done(), scan.complete


class _Scan:
    """Takes messages from `start` on, up to `mark`."""

    def __init__(self, partition: int, start: int, mark: Heartbeat) -> None:
        self.past = Past()
        self.complete = False
        self._partition = partition
        self._start = start
        self._mark = mark
        self._epoch = 0
        self._recent: dict[str, deque[TickBatch]] = {}
        if start:
            # What was published before the first message that is read here is not known.
            self.past.covered[partition] = {}

    def done(self) -> Past:
        self.past.recent = [batch for recent in self._recent.values() for batch in recent]
        return self.past

    def take(self, offset: int, value: bytes) -> bool:
        """Whether it is the mark."""
        self.past.messages += 1
        try:
            message = _DECODER.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return False  # what is no message of the topic has no numbers
        if isinstance(message, Heartbeat):
            self._note(message.time, beat=True)
            return self._beat(offset, message)
        if isinstance(message, Tick):
            self.past.add(message.source, message.symbol, message.sequence)
        elif message.epoch >= self._epoch:
            self._take(message)
        return False

    def _note(self, at: int, *, beat: bool) -> None:
        """A message has this time; 0: none."""
        if at and self._partition in self.past.covered:
            self.past.read_from.setdefault(self._partition, (at, beat))

    def _take(self, batch: TickBatch) -> None:
        self._note(batch.ticks[0].r, beat=False)
        newest, source, last = self.past.newest, batch.source, batch.ticks[-1]
        for tick in batch.ticks:
            self.past.add(source, tick.s, tick.q)
            whose, before = newest.get(tick.s, (source, 0))
            if tick.t > before:
                newest[tick.s] = source, tick.t
                if whose != source:
                    self.past.changed[tick.s] = tick.t
        self.past.received[source] = max(self.past.received.get(source, 0), min(last.r, time.time_ns()))
        if self._partition in self.past.covered:
            self.past.covered[self._partition].setdefault(source, last.t)
        recent = self._recent.setdefault(source, deque())
        recent.append(batch)
        oldest = self.past.until(source) - 2 * OVERLAP
        while recent and recent[0].ticks[-1].r < oldest:
            recent.popleft()

    def _beat(self, offset: int, message: Heartbeat) -> bool:
        if (message.member, message.epoch) == (self._mark.member, self._mark.epoch):
            return True
        if message.epoch >= self._mark.epoch:
            raise _LaterError(message.epoch)
        if message.epoch < self._epoch:
            return False  # as void as its term's batches
        self._epoch = message.epoch
        self.past.add_all(message.numbers)
        self.complete = self.complete or (bool(message.numbers) and offset - self._start >= MARGIN)
        return False
