"""One partition of `market.ticks`: its messages in, closed bars with their indicators and refused ticks out.

Everything that happens depends on the messages and their order alone, never on how many were taken at a time:
the watermark goes on with every tick and heartbeat, and what closes is attributed to the message that closed
it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from richesreach.stream import bars, wide
from richesreach.stream.definitions import INTERVALS, LATENESS, LEAD, SCALE, SECOND
from richesreach.stream.history import Floats
from richesreach.stream.indicators import Indicators
from richesreach.stream.online import Online
from richesreach.stream.sequences import Sequences
from richesreach.stream.ticks import Reader, Ticks, Unreadable
from richesreach.stream.wide import Integers
from richesreach.stream.windows import REACH, Closed, Windows

Mask = NDArray[np.bool_]
Reason = Literal["late", "ahead"]
# Symbols and sources for which there is room at first.
_SYMBOLS, _SOURCES = 64, 1
# Columns of what is counted by source.
DUPLICATES, LATE, AHEAD = range(3)


@dataclass(frozen=True, slots=True)
class Closing:
    """Bars of one interval and window. Row i is number `first` + i of what the message at `offset` closed."""

    offset: int
    first: int
    interval: int  # of INTERVALS
    start: int  # nanoseconds
    symbols: Integers  # (n)
    rows: Integers  # (n, bars.WIDTH)
    indicators: Floats  # (INDICATORS, n)


@dataclass(frozen=True, slots=True)
class Refused:
    """A tick that enters no bar: number `place` of the message at `offset`, from 0."""

    offset: int
    place: int
    reason: Reason
    symbol: int
    source: int
    sequence: int


@dataclass(slots=True)
class Taken:
    """What came of a few messages: `ticks` are those that entered bars, `duplicates` how many came before,
    `changed` the symbols whose online features are other than before.
    """

    ticks: Ticks
    changed: Integers = field(default_factory=lambda: np.empty(0, np.int64))
    closings: list[Closing] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    duplicates: int = 0


class Partition:
    """The state of one partition. `offset` is the next that is expected, `latest` the latest event time.

    `tallies` (sources, 3) are ticks that entered no bar: DUPLICATES, LATE and AHEAD.
    """

    def __init__(self) -> None:
        self.offset = 0
        self.latest = 0
        self.reader = Reader()
        self.rank = self.reader.sources.rank()
        self.sequences = Sequences(_SOURCES, _SYMBOLS)
        self.tallies = np.zeros((_SOURCES, 3), np.int64)
        self.windows = Windows(_SYMBOLS)
        self.indicators = tuple(Indicators(_SYMBOLS) for _ in INTERVALS)
        self.online = Online(_SYMBOLS)

    def take(self, messages: Sequence[tuple[int, bytes]]) -> Taken:
        """Take (offset, value) in the order of offsets; those below `offset` were taken before."""
        messages = [message for message in messages if message[0] >= self.offset]
        read = self.reader.read(messages)
        ticks = read.ticks
        taken = Taken(ticks, unreadable=read.unreadable)
        if not messages:
            return taken
        offsets = np.array([offset for offset, _ in messages], np.int64)
        self.offset = int(offsets[-1]) + 1
        if len(ticks) or read.beats.any():
            self.reserve()
            self._enter(ticks, np.maximum.accumulate(read.beats), offsets, taken)
        return taken

    def _enter(self, ticks: Ticks, beaten: Integers, offsets: Integers, taken: Taken) -> None:
        """`beaten` is, by message, the latest time of a heartbeat so far."""
        news = self.sequences.admit(ticks)
        chosen, latest = self._chosen(ticks, news, beaten, offsets, taken)
        # The latest event time after each message: the first that reaches far enough has closed a window.
        ends = np.searchsorted(ticks.message, np.arange(len(offsets)), side="right")
        reached = np.maximum(latest[ends], beaten)
        self.latest, latest = int(reached[-1]), latest[1:]
        for rows, watermark in _stretches(latest):
            self._close(int(latest[rows.start]) - LATENESS, offsets, reached, taken)
            stretch = ticks.where(rows if chosen is None else np.flatnonzero(chosen[rows]) + rows.start)
            if len(stretch):
                self._fold(stretch)
            self._close(watermark - LATENESS, offsets, reached, taken)
        self._close(self.latest - LATENESS, offsets, reached, taken)
        if chosen is not None:
            taken.ticks = ticks.where(chosen)
        touched = [(one.symbols, int(np.searchsorted(offsets, one.offset))) for one in taken.closings]
        taken.changed = self.online.changed(
            [(taken.ticks.symbol, taken.ticks.message), *touched], times=reached, offsets=offsets
        )

    def _chosen(
        self, ticks: Ticks, news: Mask, beaten: Integers, offsets: Integers, taken: Taken
    ) -> tuple[Mask | None, Integers]:
        """Which ticks enter bars, None for all, and the latest event time before the first and after each."""
        latest = np.empty(len(ticks) + 1, np.int64)
        latest[0] = self.latest
        if self._plain(ticks, news, int(beaten[-1])):
            latest[1:] = ticks.event
            np.maximum.accumulate(latest, out=latest)
            return None, latest
        taken.duplicates = len(ticks) - int(np.count_nonzero(news))
        ahead = news & (ticks.event - ticks.received > LEAD)
        counted = news & ~ahead
        latest[1:] = np.maximum(np.where(counted, ticks.event, self.latest), beaten[ticks.message])
        np.maximum.accumulate(latest, out=latest)
        before = np.maximum(latest[:-1], beaten[ticks.message])
        late = counted & (ticks.event // SECOND * SECOND + SECOND <= before - LATENESS)
        if ahead.any() or late.any():
            taken.refused = _refused(ticks, offsets, ahead, late)
        if taken.duplicates or taken.refused:
            for column, counted_as in ((DUPLICATES, ~news), (LATE, late), (AHEAD, ahead)):
                self.tallies[:, column] += np.bincount(ticks.source[counted_as], minlength=len(self.tallies))
        return counted & ~late, latest

    def _plain(self, ticks: Ticks, news: Mask, beaten: int) -> bool:
        """Whether all ticks enter bars and no heartbeat is later than what came before, as in most takes."""
        if beaten > self.latest or not news.all() or not len(ticks):
            return False
        first_end = int(ticks.event.min()) // SECOND * SECOND + SECOND
        latest = max(self.latest, int(ticks.event.max()))
        return first_end > latest - LATENESS and int((ticks.event - ticks.received).max()) <= LEAD

    def _fold(self, ticks: Ticks) -> None:
        order, starts = ordered(ticks, self.rank)
        ticks = ticks.where(order)
        rows = bars.of_ticks(starts, ticks)
        symbols = ticks.symbol[starts]
        self.windows.fold(symbols, ticks.event[starts] // SECOND, rows, self.rank)
        self.online.traded(symbols, rows, self.rank)

    def _close(self, watermark: int, offsets: Integers, reached: Integers, taken: Taken) -> None:
        for closed in self.windows.advance(watermark, self.rank):
            taken.closings.append(self._closing(closed, offsets, reached, taken.closings))

    def _closing(
        self, closed: Closed, offsets: Integers, reached: Integers, earlier: list[Closing]
    ) -> Closing:
        interval, start, symbols, rows = closed
        end = start + INTERVALS[interval].length
        offset = int(offsets[np.searchsorted(reached, end + LATENESS)])
        last = earlier[-1] if earlier else None
        first = last.first + len(last.rows) if last is not None and last.offset == offset else 0
        values = self.indicators[interval].update(
            symbols,
            rows[:, bars.CLOSE] / SCALE,
            wide.as_float(rows[:, bars.VOLUME]) / SCALE,
            wide.as_float(rows[:, bars.NOTIONAL]) / SCALE**2,
        )
        self.online.closed(interval, symbols, rows, values)
        return Closing(offset, first, interval, start, symbols, rows, values)

    def reserve(self) -> None:
        """Room for the symbols and sources that have come up."""
        symbols, sources = len(self.reader.symbols), len(self.reader.sources)
        if len(self.rank) != sources:
            self.rank = self.reader.sources.rank()
        room_sources, room = self.sequences.next.shape
        if symbols <= room and sources <= room_sources:
            return
        if sources > room_sources:
            tallies = np.zeros((sources, 3), np.int64)
            tallies[:room_sources] = self.tallies
            self.tallies = tallies
        room = max(room, 1 << (symbols - 1).bit_length())
        self.sequences.reserve(max(sources, room_sources), room)
        self.windows.reserve(room)
        self.online.reserve(room)
        for indicators in self.indicators:
            indicators.history.reserve(room)


def ordered(ticks: Ticks, rank: Integers) -> tuple[Integers, Integers]:
    """The order of the ticks by symbol, event time, source and sequence; where in it each second starts."""
    order = np.argsort(ticks.symbol.astype(np.uint16), kind="stable")
    symbol, event = ticks.symbol[order], ticks.event[order]
    doubts = (symbol[1:] == symbol[:-1]) & (event[1:] <= event[:-1])
    if doubts.any():
        doubtful = np.flatnonzero(doubts)
        one, next_one = order[doubtful], order[doubtful + 1]
        sorted_too = (
            (event[doubtful + 1] == event[doubtful])
            & (ticks.source[one] == ticks.source[next_one])
            & (ticks.sequence[one] < ticks.sequence[next_one])
        )
        if not sorted_too.all():
            order = np.lexsort((ticks.sequence, rank[ticks.source], ticks.event, ticks.symbol))
            symbol, event = ticks.symbol[order], ticks.event[order]
    second = event // SECOND
    first = np.ones(len(order), np.bool_)
    np.logical_or(symbol[1:] != symbol[:-1], second[1:] != second[:-1], out=first[1:])
    return order, first.nonzero()[0]


def _stretches(latest: Integers) -> Iterator[tuple[slice, int]]:
    """Cut where more seconds would be open than there are slots. Yields rows and the latest time in them."""
    start = 0
    while start < len(latest):
        bound = (int(latest[start]) // SECOND + REACH + 1) * SECOND
        end = len(latest) if latest[-1] < bound else int(np.searchsorted(latest, bound))
        yield slice(start, end), int(latest[end - 1])
        start = end


def _refused(ticks: Ticks, offsets: Integers, ahead: Mask, late: Mask) -> list[Refused]:
    starts = np.searchsorted(ticks.message, ticks.message, side="left")
    return [
        Refused(
            int(offsets[ticks.message[row]]),
            row - int(starts[row]),
            "ahead" if ahead[row] else "late",
            int(ticks.symbol[row]),
            int(ticks.source[row]),
            int(ticks.sequence[row]),
        )
        for row in np.flatnonzero(ahead | late).tolist()
    ]
