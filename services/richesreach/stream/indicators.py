"""Indicators of one interval as `definitions` has them, one step for each closed bar, all symbols at a time.

Windows are summed anew from the last bars, so that no error builds up over a series; averages that never
forget go on from their last value, as TA-Lib computes them over a whole series.
"""

from collections.abc import Callable

import numpy as np

from richesreach.stream.definitions import (
    FALLING,
    INDICATORS,
    RANGING,
    RISING,
    TURBULENT,
    Indicator,
    Kind,
)
from richesreach.stream.history import Floats, History, Integers, Step

# What TA-Lib takes for zero.
_NOTHING = 1e-14


class Indicators:
    """The indicators of one interval over all symbols of a partition."""

    def __init__(self, capacity: int) -> None:
        self.history = History(capacity)

    def update(self, symbols: Integers, close: Floats, volume: Floats, notional: Floats) -> Floats:
        """Take one closed bar of each symbol (no symbol twice); prices and sizes in whole units.

        Returns (indicators in the order of `INDICATORS`, symbols); NaN where a symbol has no value yet.
        """
        step = self.history.push(symbols, close, volume, notional)
        made = np.empty((len(INDICATORS), len(symbols)))
        macd: tuple[Floats, Floats] | None = None
        for row, indicator in enumerate(INDICATORS):
            if indicator.kind in _OF_MACD:
                macd = macd or _macd(step, indicator.windows)
                values = _OF_MACD[indicator.kind](*macd)
            else:
                values = _BY_KIND[indicator.kind](step, indicator)
            made[row] = step.known(values, indicator.warm_up)
        return made


def _average(step: Step, name: str, bars: int, first: Integers | int, value: Floats, seed: Floats) -> Floats:
    """An exponential average of `value`, which is `seed` at the bar `first`."""
    kept = step.history.series(name)
    before = kept[step.symbols]
    smoothing = 2.0 / (bars + 1)
    now = np.where(step.count == first, seed, (value - before) * smoothing + before)
    # What came before the seed is overwritten by it, and must not grow meanwhile.
    kept[step.symbols] = np.where(step.count >= first, now, 0.0)
    return now


def _sma(step: Step, indicator: Indicator) -> Floats:
    return step.mean(indicator.windows[0])


def _ema(step: Step, indicator: Indicator) -> Floats:
    (bars,) = indicator.windows
    return _average(step, f"ema_{bars}", bars, bars, step.close, step.mean(bars))


def _rsi(step: Step, indicator: Indicator) -> Floats:
    (bars,) = indicator.windows
    smoothed = []
    for name, moved in (("rise", np.maximum(step.change, 0.0)), ("fall", np.maximum(-step.change, 0.0))):
        kept = step.history.series(f"{name}_{bars}")
        before = kept[step.symbols]
        summed = before + moved
        # The first change comes with the second bar: after `bars` changes their mean, from then on Wilder's.
        now = np.where(
            step.count <= bars,
            summed,
            np.where(step.count == bars + 1, summed / bars, (before * (bars - 1) + moved) / bars),
        )
        kept[step.symbols] = now
        smoothed.append(now)
    rise, fall = smoothed
    both = rise + fall
    still = both < _NOTHING
    return np.where(still, 0.0, 100.0 * (rise / np.where(still, 1.0, both)))


def _macd(step: Step, windows: tuple[int, ...]) -> tuple[Floats, Floats]:
    """The difference of the averages, and its own average."""
    fast, slow, signal = windows
    # The fast average starts together with the slow one, of the closes just before.
    quick = _average(step, "macd_fast", fast, slow, step.close, step.mean(fast))
    slack = _average(step, "macd_slow", slow, slow, step.close, step.mean(slow))
    apart = quick - slack
    gathered = step.history.series("macd_gathered")
    first = slow + signal - 1
    sums = gathered[step.symbols] + np.where((step.count >= slow) & (step.count <= first), apart, 0.0)
    gathered[step.symbols] = sums
    return apart, _average(step, "macd_signal", signal, first, apart, sums / signal)


def _upper(step: Step, indicator: Indicator) -> Floats:
    (bars,), (factor,) = indicator.windows, indicator.factors
    return step.mean(bars) + factor * step.deviation(bars)


def _lower(step: Step, indicator: Indicator) -> Floats:
    (bars,), (factor,) = indicator.windows, indicator.factors
    return step.mean(bars) - factor * step.deviation(bars)


def _vwap(step: Step, indicator: Indicator) -> Floats:
    (bars,) = indicator.windows
    volume = step.sum("volume", bars)
    none = volume <= 0.0
    return np.where(none, np.nan, step.sum("notional", bars) / np.where(none, 1.0, volume))


def _volatility(step: Step, indicator: Indicator) -> Floats:
    return np.sqrt(step.sum("squared_return", indicator.windows[0]))


def _regime(step: Step, indicator: Indicator) -> Floats:
    fast, slow, short, long = indicator.windows
    turbulence, trend = indicator.factors
    calm = step.sum("squared_return", long) / long
    turbulent = step.sum("squared_return", short) / short > turbulence**2 * calm
    apart = step.mean(fast) - step.mean(slow)
    # A return without end, of a price of zero, has been told of by NaN or is beyond all averages.
    with np.errstate(over="ignore", invalid="ignore"):
        wide = trend * step.close * np.sqrt(step.sum("squared_return", fast))
    moving = np.where(apart > wide, RISING, np.where(apart < -wide, FALLING, RANGING))
    return np.where(np.isnan(calm), np.nan, np.where(turbulent, TURBULENT, moving))


_OF_MACD: dict[Kind, Callable[[Floats, Floats], Floats]] = {
    Kind.MACD: lambda apart, _signal: apart,
    Kind.MACD_SIGNAL: lambda _apart, signal: signal,
    Kind.MACD_HISTOGRAM: lambda apart, signal: apart - signal,
}
_BY_KIND: dict[Kind, Callable[[Step, Indicator], Floats]] = {
    Kind.SMA: _sma,
    Kind.EMA: _ema,
    Kind.RSI: _rsi,
    Kind.BOLLINGER_UPPER: _upper,
    Kind.BOLLINGER_MIDDLE: _sma,
    Kind.BOLLINGER_LOWER: _lower,
    Kind.VWAP: _vwap,
    Kind.VOLATILITY: _volatility,
    Kind.REGIME: _regime,
}
