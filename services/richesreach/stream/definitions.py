"""What bars and indicators are, said once: every job that makes them is made from these tables.

Time is the event time of ticks, in Unix nanoseconds. A window [start, start + length) is closed in a
partition once its watermark, the latest event time seen there less `LATENESS`, has reached the window's end.
A tick whose shortest window is closed is late: it enters no bar, and no bar is revised.

An indicator reads the closed bars of one symbol and interval, in order; an interval without a tick has no bar
and so is no step of any series.
"""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from richesreach.core.events import schemas

SECOND = 1_000_000_000  # nanoseconds
# Prices and sizes are integers, times 10^8.
SCALE = 10**8
# How far behind the latest tick of its partition a tick may be. Flink closes a window one millisecond before
# its end is reached, so a job there subtracts this and one millisecond.
LATENESS = 2 * SECOND
# A tick that claims to have happened later than this after it was received would close windows ahead of time.
LEAD = 2 * SECOND


@dataclass(frozen=True, slots=True)
class Interval:
    """One length of bars. `of` is the shorter interval whose bars it is folded from; None: ticks."""

    name: schemas.Interval
    length: int  # nanoseconds
    of: schemas.Interval | None


INTERVALS = (
    Interval("1s", SECOND, None),
    Interval("1m", 60 * SECOND, "1s"),
    Interval("5m", 300 * SECOND, "1m"),
    Interval("1h", 3600 * SECOND, "5m"),
)


class Fold(StrEnum):
    """How a column of a bar is made of a column of what lies in its window.

    First and last go by event time, then by the source's name, then by sequence: never by arrival.
    """

    FIRST = "first"
    HIGHEST = "highest"
    LOWEST = "lowest"
    LAST = "last"
    SUM = "sum"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a bar: `of` is an expression over a tick's `price` and `size`."""

    name: str
    fold: Fold
    of: str
    unit: str


COLUMNS = (
    Column("open", Fold.FIRST, "price", "10^-8 currency"),
    Column("high", Fold.HIGHEST, "price", "10^-8 currency"),
    Column("low", Fold.LOWEST, "price", "10^-8 currency"),
    Column("close", Fold.LAST, "price", "10^-8 currency"),
    Column("volume", Fold.SUM, "size", "10^-8 units, more than 64 bits"),
    Column("notional", Fold.SUM, "price * size", "10^-16 currency, more than 64 bits"),
    Column("ticks", Fold.COUNT, "price", "ticks"),
)


class Kind(StrEnum):
    """Which recurrence makes an indicator."""

    SMA = "sma"
    EMA = "ema"
    RSI = "rsi"
    MACD = "macd"
    MACD_SIGNAL = "macd_signal"
    MACD_HISTOGRAM = "macd_histogram"
    BOLLINGER_UPPER = "bollinger_upper"
    BOLLINGER_MIDDLE = "bollinger_middle"
    BOLLINGER_LOWER = "bollinger_lower"
    VWAP = "vwap"
    VOLATILITY = "realised_volatility"
    REGIME = "regime"


@dataclass(frozen=True, slots=True)
class Indicator:
    """One series over closed bars.

    `windows` are in bars, in the order in which the formula names them. `warm_up` is the number of bars that
    a symbol needs before it has a first value: TA-Lib's lookback and one, where TA-Lib has the function.
    In formulas c is the close, v the volume, m the notional, r the logarithm of a close over the one before,
    and an index counts bars backwards from the newest, 0.
    """

    name: str
    kind: Kind
    windows: tuple[int, ...]
    warm_up: int
    unit: str
    formula: str
    source: str
    factors: tuple[float, ...] = field(default=())


# Of the regime: bars of the fast and slow average, and of the short and long volatility.
FAST, SLOW, SHORT, LONG = 20, 50, 10, 50
# How many times the long volatility the short one is in turbulence; how many deviations the averages lie
# apart in a trend.
TURBULENCE, TREND = 1.75, 1.0
RANGING, RISING, FALLING, TURBULENT = 0.0, 1.0, -1.0, 2.0

_TA_LIB = "TA-Lib 0.6 and newer, ta_{}.c, unstable period 0"
_EMA = "k = 2/(n+1); first the mean of the first n closes, then e + k(c - e)"
_MACD = "d = ema 12 - ema 26, both first at bar 26, of the mean of the last 12 and of the first 26 closes; "
_SIGNAL = "s = first the mean of the first nine d, then s + (d - s)/5; "
_BOLLINGER = "mean of c over n bars {} 2 times the root of the mean squared distance from it"

INDICATORS = (
    Indicator("sma_20", Kind.SMA, (20,), 20, "currency", "sum of c over n bars, / n", _TA_LIB.format("SMA")),
    Indicator("sma_50", Kind.SMA, (50,), 50, "currency", "sum of c over n bars, / n", _TA_LIB.format("SMA")),
    Indicator("ema_12", Kind.EMA, (12,), 12, "currency", _EMA, _TA_LIB.format("EMA")),
    Indicator("ema_26", Kind.EMA, (26,), 26, "currency", _EMA, _TA_LIB.format("EMA")),
    Indicator(
        "rsi_14",
        Kind.RSI,
        (14,),
        15,
        "0 to 100",
        "100 g / (g + l); g and l first the means of n rises and n falls of c, then (g(n-1) + rise)/n; 0 "
        "where g + l is below 10^-14",
        _TA_LIB.format("RSI"),
    ),
    Indicator("macd", Kind.MACD, (12, 26, 9), 34, "currency", _MACD + "d", _TA_LIB.format("MACD")),
    Indicator(
        "macd_signal",
        Kind.MACD_SIGNAL,
        (12, 26, 9),
        34,
        "currency",
        _MACD + _SIGNAL + "s",
        _TA_LIB.format("MACD"),
    ),
    Indicator(
        "macd_histogram",
        Kind.MACD_HISTOGRAM,
        (12, 26, 9),
        34,
        "currency",
        _MACD + _SIGNAL + "d - s",
        _TA_LIB.format("MACD"),
    ),
    Indicator(
        "bollinger_upper",
        Kind.BOLLINGER_UPPER,
        (20,),
        20,
        "currency",
        _BOLLINGER.format("plus"),
        _TA_LIB.format("BBANDS"),
        (2.0,),
    ),
    Indicator(
        "bollinger_middle",
        Kind.BOLLINGER_MIDDLE,
        (20,),
        20,
        "currency",
        "mean of c over n bars",
        _TA_LIB.format("BBANDS"),
    ),
    Indicator(
        "bollinger_lower",
        Kind.BOLLINGER_LOWER,
        (20,),
        20,
        "currency",
        _BOLLINGER.format("minus"),
        _TA_LIB.format("BBANDS"),
        (2.0,),
    ),
    Indicator(
        "vwap_20",
        Kind.VWAP,
        (20,),
        20,
        "currency",
        "sum of m over n bars / sum of v over n bars; no value where no volume was",
        "Berkowitz, Logue, Noser (1988), The Total Cost of Transactions on the NYSE",
    ),
    Indicator(
        "realised_volatility_20",
        Kind.VOLATILITY,
        (20,),
        21,
        "share of the price, over the window",
        "root of the sum of r squared over n bars",
        "Andersen, Bollerslev (1998), Answering the Skeptics",
    ),
    Indicator(
        "regime",
        Kind.REGIME,
        (FAST, SLOW, SHORT, LONG),
        LONG + 1,
        "0 ranging, 1 rising, -1 falling, 2 turbulent",
        "turbulent where the root mean square of r over 10 bars exceeds 1.75 times that over 50; else rising "
        "or falling where the means of c over 20 and over 50 bars lie further apart than c times the root of "
        "the sum of r squared over 20; else ranging",
        "own definition",
        (TURBULENCE, TREND),
    ),
)


def fingerprint() -> str:
    """SHA-256 of all tables: state that was kept under other definitions must not be continued."""
    tables = (SCALE, LATENESS, LEAD, INTERVALS, COLUMNS, INDICATORS)
    return hashlib.sha256(msgspec.json.encode(tables)).hexdigest()
