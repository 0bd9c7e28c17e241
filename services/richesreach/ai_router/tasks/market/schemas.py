"""What market analysis takes and answers. Changes, volatility and drawdown are in percent."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

MAX_SYMBOLS = 20
Symbol = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.^=-]{0,19}$")]
Trend = Literal["up", "down", "sideways"]
Stance = Literal["bullish", "bearish", "neutral"]


class MarketRequest(Struct, forbid_unknown_fields=True):
    """`days` is how many daily bars are looked at. `narrate`: `auto` lets a language model write the summary,
    which costs; `never` leaves it to the plain one of our own.
    """

    symbols: Annotated[list[Symbol], Meta(min_length=1, max_length=MAX_SYMBOLS)]
    days: Annotated[int, Meta(ge=20, le=250)] = 90
    question: Annotated[str, Meta(max_length=500)] = ""
    narrate: Literal["auto", "never"] = "auto"


class Signal(Struct):
    """What an engine of the platform advises; confidence from 0 to 1."""

    engine: str
    direction: Literal["BUY", "SELL", "HOLD"]
    confidence: float
    at: datetime


class Indicators(Struct):
    """Of the newest daily bars; null where there are too few. `volatility` is of 20 days, a year's; `rsi` of
    14 days, from 0 to 100; `high` and `low` are those of the period, `drawdown` how far below that high it
    closed.
    """

    close: float
    change_1d: float | None
    change_5d: float | None
    change_20d: float | None
    sma_20: float | None
    sma_50: float | None
    rsi: float | None
    volatility: float | None
    high: float
    low: float
    drawdown: float
    trend: Trend


class Analysed(Struct):
    """`sources` say where the bars are from: `generated` is made up, for environment local."""

    symbol: str
    name: str
    asset_class: str
    currency: str
    at: datetime
    bars: int
    indicators: Indicators
    signals: list[Signal]
    sources: list[str]


class View(Struct):
    """What the figures say of one symbol."""

    symbol: str
    stance: Stance
    reason: Annotated[str, Meta(max_length=400)]


class Narrative(Struct):
    """What a language model writes; every number in it must be one of the figures."""

    summary: Annotated[str, Meta(min_length=1, max_length=2000)]
    views: Annotated[list[View], Meta(max_length=MAX_SYMBOLS)]


class MarketAnswer(Struct):
    """`by` is `own-summary`, or the model that wrote; `why_not` says why none did. `unknown` are symbols
    without bars here.
    """

    symbols: list[Analysed]
    unknown: list[str]
    summary: str
    views: list[View]
    by: str
    cost_microdollars: int = 0
    why_not: str | None = None
