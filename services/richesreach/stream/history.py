"""The last bars of every symbol, and what one step of the indicators reads of them."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from richesreach.stream.definitions import INDICATORS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_LONGEST = max(max(indicator.windows) for indicator in INDICATORS)
# Bars kept of each symbol: the longest window and one more, up to a power of two.
DEPTH = 1 << _LONGEST.bit_length()
_RINGS = ("close", "volume", "notional", "squared_return")


class History:
    """Arrays whose last axis is the symbol's number. `arrays` is all the state there is."""

    def __init__(self, capacity: int) -> None:
        self.arrays: dict[str, NDArray[Any]] = {"count": np.zeros(capacity, np.int64)}
        for name in _RINGS:
            self.arrays[name] = np.zeros((DEPTH, capacity))

    @property
    def capacity(self) -> int:
        return len(self.arrays["count"])

    def series(self, name: str) -> Floats:
        """The state of one recurrence, by symbol; zeros at first."""
        if name not in self.arrays:
            self.arrays[name] = np.zeros(self.capacity)
        return self.arrays[name]

    def reserve(self, capacity: int) -> None:
        """Room for that many symbols; what is there stays."""
        for name, array in self.arrays.items():
            grown = np.zeros((*array.shape[:-1], capacity), array.dtype)
            grown[..., : array.shape[-1]] = array
            self.arrays[name] = grown

    def push(self, symbols: Integers, close: Floats, volume: Floats, notional: Floats) -> "Step":
        """Append one bar to each of these symbols, none of which may appear twice."""
        count = self.arrays["count"]
        seen = count[symbols]
        place = seen % DEPTH
        before = self.arrays["close"][(seen - 1) % DEPTH, symbols]
        self.arrays["close"][place, symbols] = close
        self.arrays["volume"][place, symbols] = volume
        self.arrays["notional"][place, symbols] = notional
        # A price of zero or below has no logarithm: windows that hold it have no volatility.
        with np.errstate(divide="ignore", invalid="ignore"):
            returns = np.log(close / before)
        self.arrays["squared_return"][place, symbols] = np.where(seen > 0, returns * returns, 0.0)
        count[symbols] = seen + 1
        return Step(self, symbols, seen + 1, close, np.where(seen > 0, close - before, 0.0))


class Step:
    """One bar more of each of `symbols`: `count` bars with it, `change` of the close since the bar before."""

    def __init__(
        self, history: History, symbols: Integers, count: Integers, close: Floats, change: Floats
    ) -> None:
        self.history, self.symbols, self.count, self.close, self.change = (
            history,
            symbols,
            count,
            close,
            change,
        )
        self._windows: dict[str, Floats] = {}
        self._sums: dict[tuple[str, int], Floats] = {}

    @cached_property
    def _places(self) -> Integers:
        """Where the last bars are in the rings, oldest first: (_LONGEST, symbols)."""
        ages = np.arange(_LONGEST, 0, -1)[:, None]
        # What `%` says, for a power of two, at a fraction of its time.
        return ((self.count - ages) & (DEPTH - 1)) * self.history.capacity + self.symbols

    def window(self, name: str, bars: int) -> Floats:
        """The last values, oldest first: (bars, symbols). Zeros stand where a symbol has fewer."""
        held = self._windows.get(name)
        if held is None or len(held) < bars:
            held = self.history.arrays[name].ravel().take(self._places[_LONGEST - bars :])
            self._windows[name] = held
        return held[len(held) - bars :]

    def sum(self, name: str, bars: int) -> Floats:
        """The sum over the last bars. Do not change it: it is kept for the next that asks."""
        if (name, bars) not in self._sums:
            self._sums[name, bars] = added(self.window(name, bars))
        return self._sums[name, bars]

    def mean(self, bars: int) -> Floats:
        """Of the closes of the last bars."""
        return self.sum("close", bars) / bars

    def deviation(self, bars: int) -> Floats:
        """Of the closes of the last bars, as a population; two passes, for one cancels on still prices."""
        if ("deviation", bars) not in self._sums:
            away = self.window("close", bars) - self.mean(bars)
            away *= away
            self._sums["deviation", bars] = np.sqrt(added(away) / bars)
        return self._sums["deviation", bars]

    def known(self, values: Floats, warm_up: int) -> Floats:
        """`values`, and NaN for symbols with fewer bars than that."""
        return np.where(self.count >= warm_up, values, np.nan)


def added(rows: Floats) -> Floats:
    """The sum of the rows in their order. numpy's own sum may take another order where there is one symbol,
    and another last digit with it.
    """
    total: Floats = rows[0].copy()
    for row in rows[1:]:
        total += row
    return total
