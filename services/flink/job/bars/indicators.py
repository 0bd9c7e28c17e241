"""Indicators of one symbol and interval, one step for each closed bar.

What SQL has no words for: averages that go on from their last value. The formulas and the order of every
addition are those of the service `stream` (`stream/indicators.py`), so that values agree to the last digits.
Plain Python: a job's functions see a bar at a time.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# What TA-Lib takes for zero.
NOTHING = 1e-14
_BITS = 32
_MASK = 2**_BITS - 1


class Closed(NamedTuple):
    """What indicators read of a closed bar: prices and sizes in whole units."""

    close: float
    volume: float
    notional: float


class State(NamedTuple):
    """`bars` are so far; `closes` and the like are the last of them, oldest first; `series` recurrences."""

    bars: int
    closes: list[float]
    volumes: list[float]
    notionals: list[float]
    squares: list[float]
    series: dict[str, float]


EMPTY = State(0, [], [], [], [], {})


class Formula(NamedTuple):
    """One indicator, as the definitions have it."""

    name: str
    kind: str
    windows: Sequence[int]
    warm_up: int
    factors: Sequence[float]


def closed(close: int, volume: int, notional: int, scale: int) -> Closed:
    """Of integers, times `scale`, and of the notional times its square; rounded as the service rounds."""
    return Closed(close / scale, _as_float(volume, 2) / scale, _as_float(notional, 4) / scale**2)


def _as_float(number: int, limbs: int) -> float:
    """By limbs of 32 bits from the highest down, which is the nearest float or its neighbour."""
    total = float(number >> (_BITS * (limbs - 1)))
    for limb in range(limbs - 2, -1, -1):
        total = total * 2.0**_BITS + ((number >> (_BITS * limb)) & _MASK)
    return total


def step(state: State, bar: Closed, formulas: Sequence[Formula]) -> tuple[State, dict[str, float]]:
    """The state with one bar more, and the indicators that have a value at it."""
    longest = max(max(formula.windows) for formula in formulas)
    before = state.closes[-1] if state.closes else None
    change = 0.0 if before is None else bar.close - before
    after = State(
        state.bars + 1,
        [*state.closes, bar.close][-longest:],
        [*state.volumes, bar.volume][-longest:],
        [*state.notionals, bar.notional][-longest:],
        [*state.squares, _squared_return(before, bar.close)][-longest:],
        dict(state.series),
    )
    values = _Step(after, change).values(formulas)
    return after, values


def _squared_return(before: float | None, close: float) -> float:
    """Of the logarithms. A price of zero or below has none: windows that hold it have no volatility."""
    if before is None:
        return 0.0
    if before == 0.0:
        return math.nan if close == 0.0 else math.inf if close > 0.0 else math.nan
    ratio = close / before
    if ratio > 0.0:
        return math.log(ratio) ** 2
    return math.inf if ratio == 0.0 else math.nan


class _Step:
    def __init__(self, state: State, change: float) -> None:
        self.state, self.change = state, change
        self._macd_values: tuple[float, float] | None = None

    def values(self, formulas: Sequence[Formula]) -> dict[str, float]:
        found: dict[str, float] = {}
        for formula in formulas:
            # Also before its first value: averages gather what they begin with.
            value = _KINDS[formula.kind](self, formula)
            if self.state.bars >= formula.warm_up and not math.isnan(value):
                found[formula.name] = value
        return found

    def mean(self, bars: int) -> float:
        return added(self.state.closes, bars) / bars

    def deviation(self, bars: int) -> float:
        """As a population; two passes, for one cancels on still prices."""
        mean = self.mean(bars)
        return math.sqrt(added([(close - mean) ** 2 for close in self.state.closes[-bars:]], bars) / bars)

    def average(self, name: str, bars: int, first: int, value: float, seed: float) -> float:
        """An exponential average of `value`, which is `seed` at the bar `first`."""
        before = self.state.series.get(name, 0.0)
        now = seed if self.state.bars == first else (value - before) * (2.0 / (bars + 1)) + before
        self.state.series[name] = now if self.state.bars >= first else 0.0
        return now

    def macd(self, windows: Sequence[int]) -> tuple[float, float]:
        """The difference of the averages, and its own average."""
        if self._macd_values is None:
            fast, slow, signal = windows
            close, bars = self.state.closes[-1], self.state.bars
            # The fast average starts together with the slow one, of the closes just before.
            quick = self.average("macd_fast", fast, slow, close, self.mean(fast))
            slack = self.average("macd_slow", slow, slow, close, self.mean(slow))
            apart, first = quick - slack, slow + signal - 1
            gathered = self.state.series.get("macd_gathered", 0.0) + (apart if slow <= bars <= first else 0.0)
            self.state.series["macd_gathered"] = gathered
            average = self.average("macd_signal", signal, first, apart, gathered / signal)
            self._macd_values = apart, average
        return self._macd_values

    def smoothed(self, name: str, bars: int, moved: float) -> float:
        """Wilder's: the first change comes with the second bar, and after `bars` changes their mean."""
        before, count = self.state.series.get(name, 0.0), self.state.bars
        summed = before + moved
        if count <= bars:
            now = summed
        elif count == bars + 1:
            now = summed / bars
        else:
            now = (before * (bars - 1) + moved) / bars
        self.state.series[name] = now
        return now


def added(values: Sequence[float], bars: int) -> float:
    """The sum of the last ones in their order."""
    total = 0.0
    for value in values[-bars:]:
        total += value
    return total


def _sma(step: _Step, formula: Formula) -> float:
    return step.mean(formula.windows[0])


def _ema(step: _Step, formula: Formula) -> float:
    (bars,) = formula.windows
    return step.average(f"ema_{bars}", bars, bars, step.state.closes[-1], step.mean(bars))


def _rsi(step: _Step, formula: Formula) -> float:
    (bars,) = formula.windows
    rise = step.smoothed(f"rise_{bars}", bars, max(step.change, 0.0))
    fall = step.smoothed(f"fall_{bars}", bars, max(-step.change, 0.0))
    both = rise + fall
    return 0.0 if both < NOTHING else 100.0 * (rise / both)


def _macd(step: _Step, formula: Formula) -> float:
    return step.macd(formula.windows)[0]


def _macd_signal(step: _Step, formula: Formula) -> float:
    return step.macd(formula.windows)[1]


def _macd_histogram(step: _Step, formula: Formula) -> float:
    apart, average = step.macd(formula.windows)
    return apart - average


def _upper(step: _Step, formula: Formula) -> float:
    (bars,), (factor,) = formula.windows, formula.factors
    return step.mean(bars) + factor * step.deviation(bars)


def _lower(step: _Step, formula: Formula) -> float:
    (bars,), (factor,) = formula.windows, formula.factors
    return step.mean(bars) - factor * step.deviation(bars)


def _vwap(step: _Step, formula: Formula) -> float:
    (bars,) = formula.windows
    volume = added(step.state.volumes, bars)
    return math.nan if volume <= 0.0 else added(step.state.notionals, bars) / volume


def _volatility(step: _Step, formula: Formula) -> float:
    return math.sqrt(added(step.state.squares, formula.windows[0]))


def _regime(step: _Step, formula: Formula) -> float:
    """0 ranging, 1 rising, -1 falling, 2 turbulent."""
    fast, slow, short, long = formula.windows
    turbulence, trend = formula.factors
    squares = step.state.squares
    calm = added(squares, long) / long
    if math.isnan(calm):
        return math.nan
    if added(squares, short) / short > turbulence**2 * calm:
        return 2.0
    apart = step.mean(fast) - step.mean(slow)
    wide = trend * step.state.closes[-1] * math.sqrt(added(squares, fast))
    return 1.0 if apart > wide else -1.0 if apart < -wide else 0.0


_KINDS: Mapping[str, Any] = {
    "sma": _sma,
    "ema": _ema,
    "rsi": _rsi,
    "macd": _macd,
    "macd_signal": _macd_signal,
    "macd_histogram": _macd_histogram,
    "bollinger_upper": _upper,
    "bollinger_middle": _sma,
    "bollinger_lower": _lower,
    "vwap": _vwap,
    "realised_volatility": _volatility,
    "regime": _regime,
}
