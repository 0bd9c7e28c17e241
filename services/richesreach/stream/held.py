"""One partition in this process: its state, what of it is not written yet, and its snapshot under way."""

import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from confluent_kafka import OFFSET_BEGINNING

from richesreach.stream import snapshot
from richesreach.stream.featured import Featured
from richesreach.stream.outbox import Stage
from richesreach.stream.partition import Partition
from richesreach.stream.snapshot_store import Found, SnapshotStore
from richesreach.stream.vector_writer import place_of
from richesreach.stream.wide import Integers

Messages = Sequence[tuple[int, bytes]]
_NOBODY = np.empty(0, np.int64)


class AnotherTopicError(Exception):
    """What is on the topic is not what the snapshot was made of: the partition begins anew."""


@dataclass(slots=True)
class Captured:
    """A copy of the state, to be encoded and kept as soon as all outputs of `stage` are acknowledged."""

    number: int
    epoch: int
    state: snapshot.State
    offset: int
    last: int
    stage: Stage

    def keep(self, store: SnapshotStore) -> None:
        """Blocks, and raises what the store raises."""
        store.keep(self.number, self.epoch, self.offset, self.last, snapshot.body(self.state))


@dataclass(slots=True)
class Held:
    """`last` is the CRC-32 of the message before the state's offset, which must be seen again first where the
    state was restored: until then it is not `known` whether this is the topic that the state was made of.
    """

    number: int
    state: Partition
    epoch: int
    last: int = 0
    known: bool = True
    stage: Stage = field(default_factory=Stage)
    captured: Captured | None = None
    # When the last snapshot was captured, on the monotonic clock, and up to which offset.
    captured_at: float = field(default_factory=time.monotonic)
    kept: int = 0
    # Symbols whose vectors the cache did not take.
    unwritten: Integers = field(default_factory=lambda: _NOBODY)
    featured: Featured = field(default_factory=Featured)
    # By symbol.
    places: list[bytes] = field(default_factory=list)

    @classmethod
    def anew(cls, number: int) -> "Held":
        return cls(number, Partition(), time.time_ns() // 1_000_000)

    @classmethod
    def restored(cls, number: int, found: Found) -> "Held":
        """All vectors are written again: the cache may have lost them with the task."""
        held = cls(number, found.state, found.epoch, found.last, known=found.state.offset == 0)
        held.kept = found.state.offset
        held.unwritten = np.flatnonzero(found.state.online.times >= 0)
        return held

    @property
    def start(self) -> int:
        """The offset to read from."""
        return OFFSET_BEGINNING if self.known else self.state.offset - 1

    def verified(self, messages: Messages) -> Messages:
        """The messages, of which the first shows whether this is the same topic. Raises AnotherTopicError."""
        if not self.known:
            offset, value = messages[0]
            before = self.state.offset - 1
            # A message that retention has removed cannot be compared: what follows it can only be later.
            if offset < before or (offset == before and zlib.crc32(value) != self.last):
                raise AnotherTopicError(f"offset {offset} of partition {self.number}")
            self.known = True
        self.last = zlib.crc32(messages[-1][1])
        return messages

    def places_of(self, symbols: Integers) -> list[bytes]:
        """Where a command has these symbols' vectors."""
        known, places = self.state.reader.symbols.names, self.places
        if len(places) < len(known):
            places += map(place_of, known[len(places) :])
        return [places[symbol] for symbol in symbols.tolist()]

    def due(self, seconds: float) -> bool:
        """Whether to capture a snapshot now."""
        return (
            self.captured is None
            and self.known
            and self.state.offset > self.kept
            and time.monotonic() - self.captured_at >= seconds
        )

    def capture(self) -> Captured:
        """Copy the state; outputs from now on belong to the next snapshot."""
        self.captured = Captured(
            self.number,
            self.epoch,
            snapshot.captured({self.number: self.state}),
            self.state.offset,
            self.last,
            self.stage,
        )
        self.stage = Stage()
        self.captured_at = time.monotonic()
        return self.captured
