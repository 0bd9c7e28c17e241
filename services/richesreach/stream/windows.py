"""The open windows of one partition: a few seconds side by side, and one window of each longer interval."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from richesreach.stream import bars
from richesreach.stream.definitions import INTERVALS, LATENESS, SECOND
from richesreach.stream.wide import Integers

# Seconds that can be open at a time, and how far the latest tick may go on before windows must be closed.
SLOTS = 16
REACH = SLOTS - LATENESS // SECOND - 2
_LONGER = range(1, len(INTERVALS))
_NEVER = 2**63 - 1
Closed = tuple[int, int, Integers, Integers]


class Windows:
    """`seconds` has the second that each slot holds, -1 for none; `starts` that of each longer window."""

    def __init__(self, capacity: int) -> None:
        self.seconds = np.full(SLOTS, -1, np.int64)
        self.starts = np.full(len(INTERVALS), -1, np.int64)
        self.slots = bars.empty(SLOTS, capacity)
        self.longer = bars.empty(len(INTERVALS), capacity)
        # When the first of the open windows ends; almost no watermark gets there.
        self._first_end = _NEVER

    def look(self) -> None:
        """Look anew which windows are open: the arrays were changed."""
        seconds = (self.seconds[self.seconds >= 0] + 1) * SECOND
        longer = [int(self.starts[n]) + INTERVALS[n].length for n in _LONGER if self.starts[n] >= 0]
        self._first_end = min([*seconds.tolist(), *longer], default=_NEVER)

    def reserve(self, capacity: int) -> None:
        """Room for that many symbols; what is there stays."""
        for name in ("slots", "longer"):
            array = getattr(self, name)
            grown = bars.empty(array.shape[0], capacity)
            grown[:, : array.shape[1]] = array
            setattr(self, name, grown)

    def arrays(self, symbols: int) -> dict[str, NDArray[np.int64]]:
        """All there is, of so many symbols."""
        return {
            "seconds": self.seconds,
            "starts": self.starts,
            "slots": self.slots[:, :symbols],
            "longer": self.longer[:, :symbols],
        }

    def fold(self, symbols: Integers, seconds: Integers, rows: Integers, rank: Integers) -> None:
        """Fold rows into the open seconds; no pair of symbol and second may appear twice."""
        slots = seconds % SLOTS
        self.seconds[slots] = seconds
        self._first_end = min(self._first_end, (int(seconds.min()) + 1) * SECOND)
        flat = self.slots.reshape(-1, bars.WIDTH)
        places = slots * self.slots.shape[1] + symbols
        into = flat[places]
        bars.fold(into, rows, rank)
        flat[places] = into

    def advance(self, watermark: int, rank: Integers) -> Iterator[Closed]:
        """Close what ends at the watermark or before, in the order of the ends.

        Yields the number of the interval, the window's start, and its symbols and rows.
        """
        if watermark < self._first_end:
            return
        ended = self.seconds[(self.seconds >= 0) & ((self.seconds + 1) * SECOND <= watermark)]
        for second in np.sort(ended).tolist():
            yield from self._close_longer(second * SECOND, rank)
            slot = second % SLOTS
            symbols, rows = _taken(self.slots[slot])
            self.seconds[slot] = -1
            yield 0, second * SECOND, symbols, rows
            self._lengthen(1, second * SECOND, symbols, rows, rank)
        yield from self._close_longer(watermark, rank)
        self.look()

    def _close_longer(self, time: int, rank: Integers) -> Iterator[Closed]:
        for number in _LONGER:
            start = int(self.starts[number])
            if start >= 0 and start + INTERVALS[number].length <= time:
                symbols, rows = _taken(self.longer[number])
                self.starts[number] = -1
                yield number, start, symbols, rows
                self._lengthen(number + 1, start, symbols, rows, rank)

    def _lengthen(self, number: int, start: int, symbols: Integers, rows: Integers, rank: Integers) -> None:
        if number == len(INTERVALS):
            return
        length = INTERVALS[number].length
        self.starts[number] = start // length * length
        into = self.longer[number, symbols]
        bars.fold(into, rows, rank)
        self.longer[number, symbols] = into


def _taken(window: Integers) -> tuple[Integers, Integers]:
    """The symbols that have a bar in the window, and their rows, carried; the window is empty after it."""
    symbols = np.flatnonzero(window[:, bars.TICKS])
    rows = window[symbols]
    window[symbols] = bars.EMPTY
    bars.carry(rows)
    return symbols, rows
