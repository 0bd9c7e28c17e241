"""One partition of a topic into the lake: what comes waits until there is enough, or has waited enough."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from confluent_kafka import Message

from richesreach.core.events.ledger import Ledger
from richesreach.core.events.scaled import ScaleError
from richesreach.core.events.topics import TOPICS
from richesreach.core.logs import logger
from richesreach.history.lake import parquet
from richesreach.history.lake.layouts import TICKS
from richesreach.history.lake.manifests import Chain, File, Place
from richesreach.history.lake.rows import Rows
from richesreach.history.lake.store import LakeUnavailableError

# How many times longer a file without rows may wait than one with rows.
IDLE = 10
# Milliseconds by which a producer's clock may be ahead. A time beyond that, or none, says nothing.
AHEAD = 3_600_000


@dataclass(frozen=True, slots=True)
class Limits:
    """A file is written once it would have so many rows, or its first message waits for so many seconds."""

    rows: int = 200_000
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that is in no file, and why."""

    message: Message
    error: Exception


@dataclass(slots=True)
class Counts:
    """Of one writer since it began. `void` are ticks of publishers that were succeeded; `gone` are messages
    that the topic had no more when they were wanted.
    """

    rows: int = 0
    files: int = 0
    repeated: int = 0
    void: int = 0
    gone: int = 0


class PartitionWriter:
    """Takes the messages of one partition in the order of their offsets, from wherever the group has it.

    What the lake has already is passed over. All of `take` and `flush` may raise FencedError, after which the
    writer is of no use, and LakeUnavailableError, after which the same call is made again.
    """

    def __init__(
        self,
        chain: Chain,
        *,
        origin: str,
        limits: Limits,
        latest: dict[tuple[str, str], tuple[int, int]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.chain = chain
        self.counts = Counts()
        self.unreadable: list[Unreadable] = []
        # Of ticks alone: counted once they are in the lake.
        self.ledger = Ledger(from_first=True)
        self.newest: dict[str, int] = {}
        self._limits, self._clock = limits, clock
        self._rows = Rows(chain.place.layout, origin, latest)
        self._decoder = msgspec.json.Decoder(TOPICS[chain.place.layout.topic].kinds)
        self._first: int | None = None
        self._next = chain.next
        self._epoch = chain.epoch
        self._last = chain.last
        self._hour = datetime.fromtimestamp(0, UTC) if chain.manifest is None else chain.manifest.hour
        self._began = 0.0

    @property
    def done(self) -> int | None:
        """The offset before which all is in the lake; None where it has nothing of this life of the topic."""
        return self.chain.next if self._epoch == self.chain.epoch else None

    @property
    def due(self) -> bool:
        if self._first is None:
            return False
        # Heartbeats alone can wait longer.
        patience = self._limits.seconds if len(self._rows) else self._limits.seconds * IDLE
        return len(self._rows) >= self._limits.rows or self._clock() - self._began >= patience

    def take(self, message: Message) -> None:
        """One message more; what was buffered before is written where it cannot go into one file with it."""
        offset, published, now = message.offset() or 0, message.timestamp()[1], int(self._clock() * 1000)
        told = published if 0 < published <= now + AHEAD else None
        # The producer's clock may stay wrong, and the hours have to go on.
        hour = self.chain.hour(now if told is None else told)
        behind = self._next is not None and offset < self._next
        # All that the lake has was published by then: what is later begins the topic's next life. A message
        # without a time is none, as it would be later at each reading.
        if behind and (told is None or told <= self._last):
            return
        if behind or hour > self._hour or len(self._rows) >= self._limits.rows:
            self.flush()
        if behind:
            logger().error("topic_is_another", partition=self.chain.partition, offset=offset, had=self._next)
            self._epoch, self._next = self._epoch + 1, None
            self._rows.term = 0
        if self._next is not None and offset > self._next:
            self.counts.gone += offset - self._next
            logger().error("messages_gone", partition=self.chain.partition, wanted=self._next, offset=offset)
        if self._first is None:
            self._first, self._began, self._hour = offset, self._clock(), max(hour, self._hour)
        self._add(message, offset)
        self._next, self._last = offset + 1, max(self._last, told or 0)

    def flush(self) -> None:
        """Write what is buffered, if anything is."""
        if self._first is None or self._next is None:
            return
        rows = self._rows
        # A file without rows, too, says that nothing was lost between its neighbours.
        file = File(self._epoch, self.chain.partition, self._first, self._next, self._last)
        self.chain.commit(file, self._hour, parquet.of_rows(rows), parquet.CONTENT_TYPE)
        self.counts.files += 1
        self.counts.rows += len(rows)
        self.counts.repeated += rows.repeated
        self.counts.void += rows.void
        if rows.layout is TICKS:
            self._account(rows)
        rows.clear()
        self._first = None

    def _account(self, rows: Rows) -> None:
        names, columns = list(rows.names), rows.columns
        for source, symbol, sequence in zip(
            columns["source"], columns["symbol"], columns["sequence"], strict=True
        ):
            self.ledger.take(names[source], names[symbol], sequence)
        for source, at in zip(columns["source"], columns["event_time"], strict=True):
            name = names[source]
            if at > self.newest.get(name, 0):
                self.newest[name] = at

    def _add(self, message: Message, offset: int) -> None:
        try:
            decoded: Any = self._decoder.decode(message.value() or b"")
            self._rows.add(decoded, self._epoch, self.chain.partition, offset)
        except (msgspec.DecodeError, UnicodeDecodeError, ScaleError) as error:
            self.unreadable.append(Unreadable(message, error))


def opened(
    place: Place, partition: int, *, origin: str, limits: Limits, clock: Callable[[], float] = time.time
) -> PartitionWriter:
    """A writer that goes on where the lake says. Raises LakeUnavailableError."""
    chain = Chain.restored(place, partition, datetime.fromtimestamp(clock(), UTC))
    return PartitionWriter(
        chain, origin=origin, limits=limits, latest=_latest(place, chain, clock), clock=clock
    )


def _latest(place: Place, chain: Chain, clock: Callable[[], float]) -> dict[tuple[str, str], tuple[int, int]]:
    """Of the files of the two newest hours: a stream job repeats what it said since its last snapshot."""
    if place.layout is TICKS or chain.manifest is None:
        return {}
    now, uris = datetime.fromtimestamp(clock(), UTC), []
    for number, key in enumerate(place.newest_keys(chain.partition, now)):
        if number == 2:
            break
        manifest = place.read(key)
        uris += list(manifest.uris) if manifest is not None else []
    return parquet.latest(bodies(place, tuple(uris))) if uris else {}


def bodies(place: Place, uris: tuple[str, ...]) -> Iterator[bytes]:
    """What the files hold, one after the other. Raises LakeUnavailableError, also for one that is gone."""
    for uri in uris:
        found = place.store.get(place.store.key(uri))
        if found is None:
            raise LakeUnavailableError(f"{uri} is named by a manifest, and is not there")
        yield found.body
