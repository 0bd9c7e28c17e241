"""Indicators of daily bars. Some hundreds of numbers a symbol: plain Python is fast enough for them."""

import itertools
import math
import statistics
from collections.abc import Sequence

from richesreach.ai_router.tasks.market.schemas import Indicators, Trend

#: Days that markets are open in a year.
YEAR = 252
RSI_DAYS = 14
#: Percent between the short average and the long one, or the close, that is no trend yet.
FLAT = 1.0


def indicators(closes: Sequence[float], highs: Sequence[float], lows: Sequence[float]) -> Indicators:
    """Of bars in the order of time, at least one."""
    close, high, low = closes[-1], max(highs), min(lows)
    short, long = average(closes, 20), average(closes, 50)
    return Indicators(
        close=close,
        change_1d=change(closes, 1),
        change_5d=change(closes, 5),
        change_20d=change(closes, 20),
        sma_20=_rounded(short, 4),
        sma_50=_rounded(long, 4),
        rsi=rsi(closes),
        volatility=volatility(closes),
        high=high,
        low=low,
        drawdown=round((close / high - 1) * 100, 2),
        trend=trend(close, short, long),
    )


def change(closes: Sequence[float], days: int) -> float | None:
    """Percent since the close so many bars ago."""
    return round((closes[-1] / closes[-1 - days] - 1) * 100, 2) if len(closes) > days else None


def average(closes: Sequence[float], days: int) -> float | None:
    """Simple moving average of the newest closes."""
    return statistics.fmean(closes[-days:]) if len(closes) >= days else None


def rsi(closes: Sequence[float], days: int = RSI_DAYS) -> float | None:
    """Relative strength index, smoothed as in Wilder, "New Concepts in Technical Trading Systems", 1978."""
    if len(closes) <= days:
        return None
    moves = [after - before for before, after in itertools.pairwise(closes)]
    gain = sum(max(move, 0.0) for move in moves[:days]) / days
    loss = sum(max(-move, 0.0) for move in moves[:days]) / days
    for move in moves[days:]:
        gain = (gain * (days - 1) + max(move, 0.0)) / days
        loss = (loss * (days - 1) + max(-move, 0.0)) / days
    if loss == 0:
        return 100.0 if gain else 50.0
    return round(100 - 100 / (1 + gain / loss), 2)


def volatility(closes: Sequence[float], days: int = 20) -> float | None:
    """Standard deviation of daily logarithmic returns, scaled to a year, in percent."""
    if len(closes) <= days:
        return None
    newest = closes[-days - 1 :]
    moves = [math.log(after / before) for before, after in itertools.pairwise(newest)]
    return round(statistics.stdev(moves) * math.sqrt(YEAR) * 100, 2)


def trend(close: float, short: float | None, long: float | None) -> Trend:
    """Up where the close is above the short average and that above the long one; down likewise."""
    if short is None:
        return "sideways"
    base = short if long is None else long
    if close > short >= base and (close / base - 1) * 100 > FLAT:
        return "up"
    if close < short <= base and (1 - close / base) * 100 > FLAT:
        return "down"
    return "sideways"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
