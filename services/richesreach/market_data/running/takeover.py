"""What a new publisher must know of its predecessors, from the topic itself: the last numbers, and from when
on nobody listened to the sources.

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
# By so much, in nanoseconds, the time of a heartbeat is behind the clock.
SETTLING = 1_000_000_000
# Seconds.
PATIENCE, READ = 20.0, 0.5
_MOST = 1000
_DECODER = msgspec.json.Decoder(Tick | TickBatch | Heartbeat)


@dataclass(slots=True)
class Past:
    """`began`, `last` and `lost` by source, as in Numbers. `newest` by symbol:
    whose tick has the highest event time, and that. `alive` by partition: when its publisher last showed that
    it was. `covered` by partition: from which event time on all ticks are known; `recent` are the batches.
    """

    began: dict[str, int] = field(default_factory=dict)
    last: dict[str, dict[str, int]] = field(default_factory=dict)
    lost: dict[str, dict[str, int]] = field(default_factory=dict)
    newest: dict[str, tuple[str, int]] = field(default_factory=dict)
    alive: dict[int, int] = field(default_factory=dict)
    covered: dict[int, int] = field(default_factory=dict)
    recent: list[TickBatch] = field(default_factory=list)
    messages: int = 0

    def behind(self, source: str, symbols: Iterable[str], partitions: int) -> Behind:
        """What `source` has to make up for, of a topic of so many partitions."""
        recent = [batch for batch in self.recent if batch.source == source]
        lag = max(0, min((batch.ticks[-1].r - batch.ticks[-1].t for batch in recent), default=0))
        alive, since = {}, {}
        for symbol in symbols:
            number = partition_of(symbol, partitions)
            if number in self.alive:
                alive[symbol] = self.alive[number]
                since[symbol] = max(alive[symbol] - lag - OVERLAP, self.covered.get(number, 0))
        return Behind(alive, since, lag, Known(recent))

    def numbers(self, source: str) -> Numbers:
        return Numbers(self.began.get(source, 0), self.last.get(source, {}), self.lost.get(source, {}))

    def add(self, source: str, symbol: str, number: int) -> None:
        known = self.last.setdefault(source, {})
        known[symbol] = max(number, known.get(symbol, 0))

    def add_all(self, numbers: dict[str, Numbers]) -> None:
        for source, of in numbers.items():
            self.began[source] = max(of.began, self.began.get(source, 0))
            for symbol, number in of.last.items():
                self.add(source, symbol, number)
            if of.lost:
                self.lost[source] = self.lost.get(source, {}) | of.lost

    def merge(self, others: Iterable["Past"]) -> "Past":
        for other in others:
            for source in other.last:
                self.add_all({source: other.numbers(source)})
            self.newest |= other.newest
            self.alive |= other.alive
            self.covered |= other.covered
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
        self._alive = 0
        self._recent: deque[TickBatch] = deque()

    def done(self) -> Past:
        if self._alive:
            self.past.alive[self._partition] = self._alive
        self.past.recent = list(self._recent)
        return self.past

    def take(self, offset: int, value: bytes) -> bool:
        """Whether it is the mark."""
        self.past.messages += 1
        try:
            message = _DECODER.decode(value)
        except msgspec.DecodeError:
            return False  # what is no message of the topic has no numbers
        if isinstance(message, Heartbeat):
            return self._beat(offset, message)
        if isinstance(message, Tick):
            self.past.add(message.source, message.symbol, message.sequence)
        elif message.epoch >= self._epoch:
            self._take(message)
        return False

    def _take(self, batch: TickBatch) -> None:
        newest, received = self.past.newest, batch.ticks[-1].r
        for tick in batch.ticks:
            self.past.add(batch.source, tick.s, tick.q)
            if tick.t > newest.get(tick.s, ("", 0))[1]:
                newest[tick.s] = batch.source, tick.t
        self._lives(received)
        if self._start:
            # What was published before the first message that is read here is not known.
            self.past.covered.setdefault(self._partition, batch.ticks[-1].t)
        self._recent.append(batch)
        while self._recent[0].ticks[-1].r < received - 2 * OVERLAP:
            self._recent.popleft()

    def _lives(self, at: int) -> None:
        self._alive = max(self._alive, min(at, time.time_ns()))

    def _beat(self, offset: int, message: Heartbeat) -> bool:
        if (message.member, message.epoch) == (self._mark.member, self._mark.epoch):
            return True
        if message.epoch >= self._mark.epoch:
            raise _LaterError(message.epoch)
        self._epoch = max(self._epoch, message.epoch)
        self._lives(message.time + SETTLING if message.time else message.epoch * 1_000_000)
        self.past.add_all(message.numbers)
        self.complete = self.complete or (bool(message.numbers) and offset - self._start >= MARGIN)
        return False
