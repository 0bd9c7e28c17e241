"""The newest features of every symbol of a partition, and which of them changed."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from richesreach.core.vectors import ONLINE
from richesreach.stream import bars, wide
from richesreach.stream.definitions import INDICATORS, SCALE
from richesreach.stream.history import Floats
from richesreach.stream.sequences import runs
from richesreach.stream.wide import Integers

# Of 1m bars; of 1s, 1m and 5m bars, as the names in `core/layout.py` have them.
_BAR, _BAR_COLUMNS = 1, 7
_WITH_INDICATORS = 3
_FIRST_INDICATOR = 1 + _BAR_COLUMNS
_PRICE = slice(bars.CLOSE, bars.CLOSE + 4)


class Online:
    """`values` (symbols, features), and as of which event time and offset each row holds."""

    def __init__(self, capacity: int) -> None:
        self.values = np.full((capacity, len(ONLINE.names)), np.nan)
        self.times = np.full(capacity, -1, np.int64)
        self.offsets = np.full(capacity, -1, np.int64)
        # Price and key of the last tick by event time, as in a bar.
        self.last = np.zeros((capacity, 4), np.int64)
        self.last[:, 1] = -1

    def arrays(self, symbols: int) -> dict[str, NDArray[np.float64] | Integers]:
        """All there is, of so many symbols."""
        return {
            "values": self.values[:symbols],
            "times": self.times[:symbols],
            "offsets": self.offsets[:symbols],
            "last": self.last[:symbols],
        }

    def reserve(self, capacity: int) -> None:
        """Room for that many symbols; what is there stays."""
        grown = Online(capacity)
        for name, array in self.arrays(len(self.times)).items():
            getattr(grown, name)[: len(array)] = array
        self.values, self.times, self.offsets, self.last = (
            grown.values,
            grown.times,
            grown.offsets,
            grown.last,
        )

    def traded(self, symbols: Integers, rows: Integers, rank: Integers) -> None:
        """Take the last prices of bar rows that are sorted by symbol, and by second within one."""
        _, newest = runs(symbols)
        symbols, prices = symbols[newest], rows[newest, _PRICE]
        before = self.last[symbols]
        later = bars.precedes(before, prices, rank)
        np.copyto(before, prices, where=later[:, np.newaxis])
        self.last[symbols] = before
        self.values[symbols, 0] = before[:, 0] / SCALE

    def closed(self, interval: int, symbols: Integers, rows: Integers, indicators: Floats) -> None:
        """Take closed bars and their indicators (indicators, symbols)."""
        if interval >= _WITH_INDICATORS:
            return
        first = _FIRST_INDICATOR + interval * len(INDICATORS)
        self.values[symbols, first : first + len(INDICATORS)] = indicators.T
        if interval == _BAR:
            self.values[symbols, 1:_FIRST_INDICATOR] = _bar(rows)

    def changed(
        self, touched: Iterable[tuple[Integers, Integers | int]], times: Integers, offsets: Integers
    ) -> Integers:
        """Note as of when symbols hold: pairs of symbols and the place of the message that changed each.

        `times` and `offsets` are by message. Returns the symbols, sorted.
        """
        newest = np.full(len(self.times), -1, np.int64)
        for symbols, messages in touched:
            np.maximum.at(newest, symbols, messages)
        symbols = np.flatnonzero(newest >= 0)
        self.times[symbols] = times[newest[symbols]]
        self.offsets[symbols] = offsets[newest[symbols]]
        return symbols

    def encode(self, symbols: Integers) -> list[bytes]:
        """The packed vectors of these symbols."""
        values = self.values.take(symbols, axis=0)
        return ONLINE.encode(self.times[symbols], self.offsets[symbols], values)


def _bar(rows: Integers) -> Floats:
    prices = rows[:, [bars.OPEN, bars.HIGH, bars.LOW, bars.CLOSE]] / SCALE
    volume = wide.as_float(rows[:, bars.VOLUME]) / SCALE
    none = volume == 0.0
    vwap = wide.as_float(rows[:, bars.NOTIONAL]) / SCALE**2 / np.where(none, 1.0, volume)
    return np.column_stack([prices, volume, np.where(none, np.nan, vwap), rows[:, bars.TICKS]])
