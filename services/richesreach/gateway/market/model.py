"""What the market is made of. Prices are Decimal, times have a zone; `source` says where a value is from."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

#: The source of what the local environment makes up.
GENERATED = "generated"


class Direction(StrEnum):
    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"


class Interval(StrEnum):
    """How long a bar is."""

    MINUTE = "1m"
    FIVE_MINUTES = "5m"
    QUARTER_HOUR = "15m"
    HOUR = "1h"
    DAY = "1d"


class Period(StrEnum):
    """How far performance looks back."""

    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"
    YEAR = "365d"


class Condition(StrEnum):
    """When an alert fires: the price is at or beyond its threshold."""

    ABOVE = "ABOVE"
    BELOW = "BELOW"


@dataclass(frozen=True, slots=True)
class Instrument:
    symbol: str
    name: str
    asset_class: str
    exchange: str
    currency: str
    source: str


@dataclass(frozen=True, slots=True)
class Price:
    """The latest price of a symbol, in its currency."""

    symbol: str
    price: Decimal
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Bar:
    """Open, high, low and close in the symbol's currency over one interval; volume in units."""

    symbol: str
    interval: Interval
    opened_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    source: str


@dataclass(frozen=True, slots=True)
class Signal:
    """What an engine advises; confidence from 0 to 1."""

    id: UUID
    symbol: str
    engine: str
    direction: Direction
    confidence: Decimal
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Performance:
    """How following the signals for a symbol would have done. Win rate and drawdown are shares, 0 to 1;
    profit and loss in the symbol's currency.
    """

    symbol: str
    period: Period
    sharpe_ratio: Decimal
    win_rate: Decimal
    total_trades: int
    total_pnl: Decimal
    max_drawdown: Decimal
    measured_at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Engine:
    """What makes signals."""

    engine: str
    name: str
    version: str
    description: str
    enabled: bool
    source: str


@dataclass(frozen=True, slots=True)
class Watchlist:
    """`symbols` in the order that their owner gave."""

    id: UUID
    name: str
    symbols: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Alert:
    id: UUID
    symbol: str
    condition: Condition
    threshold: Decimal
    note: str
    active: bool
    created_at: datetime
    updated_at: datetime
