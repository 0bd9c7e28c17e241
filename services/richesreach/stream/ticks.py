"""Messages of `market.ticks` as columns: one row a tick, in the order of arrival."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from richesreach.core.events.scaled import ScaleError, scaled
from richesreach.core.events.schemas import Heartbeat, PackedTick, Tick, TickBatch
from richesreach.stream.wide import Integers

SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9._:/=^-]{0,31}")
# Numbers of symbols fit 16 bits, by which they are sorted in one pass.
MOST_SYMBOLS = 2**16
MOST_SOURCES = 64
# Sequences and times beyond it (the year 2116) would overflow what is computed of them.
MOST = 2**62
_BEYOND = f"a sequence or time of {MOST} or more"
_FIELDS: tuple[Callable[[PackedTick], int], ...] = tuple(attrgetter(name) for name in "qtrpz")
# The rows of these in Ticks, and of those that must stay below MOST.
_NUMBERS, _COUNTED = slice(2, 7), slice(2, 5)
_SYMBOL: Callable[[PackedTick], str] = attrgetter("s")


class Names:
    """Names by number, in the order in which they came up. No more than `most`."""

    def __init__(self, kind: str, most: int) -> None:
        self._kind, self._most = kind, most
        self.names: list[str] = []
        self.numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.names)

    def number(self, name: str) -> int:
        """Raises ValueError for one too many."""
        found = self.numbers.get(name)
        if found is None:
            if len(self.names) >= self._most:
                raise ValueError(f"{name[:32]} is one more {self._kind} than the {self._most} of a partition")
            found = self.numbers[name] = len(self.names)
            self.names.append(name)
        return found

    def rank(self) -> Integers:
        """The place of each number among the sorted names."""
        rank = np.empty(len(self.names), np.int64)
        rank[sorted(range(len(self.names)), key=self.names.__getitem__)] = np.arange(len(self.names))
        return rank


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message of which no tick was taken, and why."""

    offset: int
    error: str


@dataclass(frozen=True, slots=True)
class Read:
    """What messages hold. `beats` has, by message, the time of a heartbeat; 0 for what is none."""

    ticks: "Ticks"
    beats: Integers
    unreadable: list[Unreadable]


class Ticks:
    """Rows of one array (8, ticks), in the order of the names below. `message` is the place of the message
    among those read together.
    """

    __slots__ = (
        "columns",
        "event",
        "message",
        "price",
        "received",
        "sequence",
        "size",
        "source",
        "symbol",
    )

    def __init__(self, columns: Integers) -> None:
        self.columns = columns
        (
            self.symbol,
            self.source,
            self.sequence,
            self.event,
            self.received,
            self.price,
            self.size,
            self.message,
        ) = columns

    def __len__(self) -> int:
        return len(self.symbol)

    def where(self, chosen: NDArray[Any] | slice) -> "Ticks":
        """Those of a mask, a range or of numbers."""
        if isinstance(chosen, slice):
            return Ticks(self.columns[:, chosen])
        # An index would lay each tick's numbers beside each other, and later steps read column by column.
        numbers = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
        return Ticks(self.columns.take(numbers, axis=1))


class Reader:
    """Reads messages of one partition, and numbers its symbols and sources. `epoch` is the latest that a
    heartbeat had: batches of an earlier one are void from then on.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.symbols = Names("symbol", MOST_SYMBOLS)
        self.sources = Names("source", MOST_SOURCES)
        self._decoder = msgspec.json.Decoder(Tick | TickBatch | Heartbeat)

    def read(self, messages: Sequence[tuple[int, bytes]]) -> Read:
        """The ticks and heartbeats of (offset, value), and the messages that are neither."""
        rows: list[PackedTick] = []
        counts: list[int] = []
        sources: list[int] = []
        unreadable: list[Unreadable] = []
        beats = np.zeros(len(messages), np.int64)
        for place, (offset, value) in enumerate(messages):
            count = 0
            source = -1
            try:
                message = self._decoder.decode(value)
                if isinstance(message, Heartbeat):
                    beats[place], ticks = self._beat(message), list[PackedTick]()
                else:
                    name, ticks = self._ticks(message)
                    source = self.sources.number(name)
            except ValueError as error:
                unreadable.append(Unreadable(offset, str(error)))
            else:
                rows += ticks
                count = len(ticks)
            counts.append(count)
            sources.append(source)
        try:
            numbers = self._numbers(rows)
        except KeyError:
            rows = self._with_symbols(messages, rows, counts, unreadable)
            numbers = self._numbers(rows)
        ticks_read = _columns(numbers, sources, counts, rows)
        if ticks_read.columns[_COUNTED].max(initial=0) >= MOST:
            large = (ticks_read.columns[_COUNTED] >= MOST).any(axis=0)
            beyond = np.unique(ticks_read.message[large])
            unreadable += [Unreadable(messages[place][0], _BEYOND) for place in beyond.tolist()]
            ticks_read = ticks_read.where(~np.isin(ticks_read.message, beyond))
        return Read(ticks_read, beats, sorted(unreadable, key=lambda message: message.offset))

    def _beat(self, beat: Heartbeat) -> int:
        """The time up to which it moves the watermark. Raises ValueError."""
        if beat.epoch < self.epoch:
            return 0
        self.epoch = beat.epoch
        if beat.time >= MOST:
            raise ValueError(_BEYOND)
        return beat.time

    def _ticks(self, message: Tick | TickBatch) -> tuple[str, list[PackedTick]]:
        """Raises ValueError, which msgspec's errors and ScaleError are."""
        if isinstance(message, Tick):
            return message.source, [_packed(message)]
        if message.epoch < self.epoch:
            raise ValueError(f"of epoch {message.epoch}, which {self.epoch} has succeeded")
        return message.source, message.ticks

    def _numbers(self, ticks: list[PackedTick]) -> Integers:
        """Raises KeyError for a symbol that has no number yet."""
        return np.fromiter(map(self.symbols.numbers.__getitem__, map(_SYMBOL, ticks)), np.int64, len(ticks))

    def _with_symbols(
        self,
        messages: Sequence[tuple[int, bytes]],
        ticks: list[PackedTick],
        counts: list[int],
        unreadable: list[Unreadable],
    ) -> list[PackedTick]:
        """The ticks of messages whose symbols could be numbered; those of others are counted no more."""
        start, kept = 0, list[PackedTick]()
        for place, count in enumerate(counts):
            part = ticks[start : start + count]
            start += count
            try:
                self._number(part)
            except ValueError as error:
                unreadable.append(Unreadable(messages[place][0], str(error)))
                counts[place] = 0
            else:
                kept += part
        return kept

    def _number(self, ticks: list[PackedTick]) -> None:
        """Numbers for symbols that come up. Raises ValueError for what is none, or one too many."""
        for tick in ticks:
            if tick.s not in self.symbols.numbers and SYMBOL.fullmatch(tick.s) is None:
                raise ValueError(f"{tick.s!r} is no symbol")
        for tick in ticks:
            self.symbols.number(tick.s)


def _columns(symbols: Integers, sources: list[int], counts: list[int], ticks: list[PackedTick]) -> Ticks:
    """`sources` and `counts` are by message, the rest by tick."""
    columns = np.empty((8, len(ticks)), np.int64)
    columns[0] = symbols
    columns[1] = np.repeat(np.array(sources, np.int64), counts)
    for column, field in zip(columns[_NUMBERS], _FIELDS, strict=True):
        column[:] = np.fromiter(map(field, ticks), np.int64, len(ticks))
    columns[7] = np.repeat(np.arange(len(counts)), counts)
    return Ticks(columns)


def _packed(tick: Tick) -> PackedTick:
    if tick.size < 0:
        raise ScaleError("a size below zero")
    return PackedTick(
        s=tick.symbol,
        q=tick.sequence,
        t=tick.event_time,
        r=tick.received_time,
        p=scaled(tick.price),
        z=scaled(tick.size),
    )
