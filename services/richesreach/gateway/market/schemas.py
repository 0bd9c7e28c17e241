"""What REST takes and answers. Prices and money are decimal text: a float could not hold them exactly."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from richesreach.gateway.market.model import Condition, Direction, Interval, Period
from richesreach.gateway.market.pages import MAX_PAGE
from richesreach.gateway.market.watchlists import MAX_SYMBOLS

Item = TypeVar("Item")

# Plain digits: `str` of a Decimal may have an exponent.
Exact = Annotated[
    Decimal,
    PlainSerializer(lambda value: format(value.normalize(), "f"), return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "examples": ["189.5"]}),
]
Threshold = Annotated[
    str,
    StringConstraints(pattern=r"^(0\.[0-9]{1,8}|[1-9][0-9]{0,11}(\.[0-9]{1,8})?)$"),
    Field(description="A price above 0, with at most eight decimals.", examples=["200.5"]),
]
# Everything but control characters and halves of surrogate pairs, which neither Postgres nor a screen holds.
Name = Annotated[str, StringConstraints(min_length=1, max_length=80), Field(examples=["Chips"])]
Note = Annotated[str, StringConstraints(max_length=200)]
Ticker = Annotated[str, StringConstraints(min_length=1, max_length=20), Field(examples=["AAPL"])]
Tickers = Annotated[list[Ticker], Field(max_length=MAX_SYMBOLS, examples=[["AAPL", "NVDA"]])]
Moment = Annotated[
    AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC))
]
AssetClass = Literal["equity", "etf", "crypto", "fx", "index"]
PageSize = Annotated[int, Field(ge=1, le=MAX_PAGE)]


class Answered(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Page(BaseModel, Generic[Item]):
    """`next_cursor` is null on the last page."""

    items: list[Item]
    next_cursor: str | None


class Instrument(Answered):
    symbol: str
    name: str
    asset_class: str
    exchange: str
    currency: str
    source: str


class Price(Answered):
    symbol: str
    price: Exact
    at: datetime
    source: str


class Prices(BaseModel):
    """`unknown` are those of the asked symbols that have no price here."""

    prices: list[Price]
    unknown: list[str]


class Candle(Answered):
    opened_at: datetime
    open: Exact
    high: Exact
    low: Exact
    close: Exact
    volume: Exact
    source: str


class Candles(Page[Candle]):
    """The newest first."""

    symbol: str
    interval: Interval


class Signal(Answered):
    id: UUID
    symbol: str
    engine: str
    direction: Direction
    confidence: Exact
    at: datetime
    source: str


class Performance(Answered):
    symbol: str
    period: Period
    sharpe_ratio: Exact
    win_rate: Exact
    total_trades: int
    total_pnl: Exact
    max_drawdown: Exact
    measured_at: datetime
    source: str


class Engine(Answered):
    engine: str
    name: str
    version: str
    description: str
    enabled: bool
    source: str


class Engines(BaseModel):
    engines: list[Engine]


class Watchlist(Answered):
    id: UUID
    name: str
    symbols: list[str]
    created_at: datetime
    updated_at: datetime


class NewWatchlist(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    symbols: Tickers = []


class ChangedWatchlist(BaseModel):
    """What is left out stays; `symbols` take the place of all that it has."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    symbols: Tickers | None = None


class Alert(Answered):
    id: UUID
    symbol: str
    condition: Condition
    threshold: Exact
    note: str
    active: bool
    created_at: datetime
    updated_at: datetime


class NewAlert(BaseModel):
    model_config = ConfigDict(extra="forbid")

    symbol: Ticker
    condition: Condition
    threshold: Threshold
    note: Note = ""


class ChangedAlert(BaseModel):
    """What is left out stays."""

    model_config = ConfigDict(extra="forbid")

    threshold: Threshold | None = None
    note: Note | None = None
    active: bool | None = None
