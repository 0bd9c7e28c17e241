"""What `/market/*` answers. Prices are decimal text: a float could not hold them exactly."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field

from richesreach.core.events.scaled import unscaled

Price = Annotated[str, Field(examples=["189.5"])]
Licence = Annotated[
    str, Field(description="Who may see it; what begins with `generated` is made up, and no market data.")
]
Interval = Literal["1m", "5m", "15m", "1h", "1d"]
Moment = Annotated[
    AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC))
]


class Source(BaseModel):
    """`why` says what it waits for or lacks. `left`: ticks that were compared, and not published. `missed`:
    ticks of an interruption that were asked for again.
    """

    name: str
    licence: str
    state: Literal["idle", "disabled", "connecting", "live", "back-off", "failed"]
    why: str
    since: datetime | None
    heard: datetime | None
    connections: int
    records: int
    rejected: dict[str, int]
    left: int
    missed: int


class Sources(BaseModel):
    """`publisher` is the task that publishes; null while none does. `epoch` is its term."""

    region: str
    publisher: str | None
    epoch: int | None
    waiting: int
    sources: list[Source]


class Stage(BaseModel):
    """What a stage has taken of one source. `missing` is what never came to it since the source, `lost_here`
    what of that had come to the stage before it. `behind`: ticks that the source has said and it has not
    reached.

    `silent`: one of its members has not told for ten seconds, so that these figures are old.
    """

    stage: Literal["source", "published", "operator", "features", "lake"]
    source: str
    received: int
    missing: int
    lost_here: int
    duplicates: int
    late: int
    refused: int
    behind: int
    symbols: int
    members: list[str]
    newest: datetime | None
    told: datetime
    silent: bool
    lost: dict[str, int] = Field(description="The symbols that miss the most, and how many.")


class Gap(BaseModel):
    """Nobody knows what `source` said of `symbols` symbols meanwhile, of which `named` are some."""

    source: str
    since: datetime = Field(serialization_alias="from")
    until: datetime = Field(serialization_alias="to")
    symbols: int
    named: list[str]
    why: str


class Loss(BaseModel):
    """`missing` is the sum of what each stage has lost: every tick where it was lost. `silent` names those
    whose word is old; `untold` those that never spoke. `unknown` are times without numbers to count by, the
    newest first: nobody listened, and the source does not tell again.
    """

    region: str
    missing: int
    silent: list[str]
    untold: list[str]
    unknown: list[Gap]
    stages: list[Stage]


class Quote(BaseModel):
    source: str
    licence: Licence
    price: Price
    time: datetime


class Outlier(BaseModel):
    source: str
    price: Price
    away: float = Field(description="Its distance from the price, as a share of it.", examples=[-0.02])


class Consensus(BaseModel):
    """The median of the vendors' prices, who agrees with it, who is far off, and whose price is too old."""

    symbol: str
    price: Price
    sources: list[str]
    outliers: list[Outlier]
    stale: list[str]
    disputed: bool
    quotes: list[Quote]


class LatestPrice(BaseModel):
    """The newest price of the symbol's `source`, whose ticks are published; `consensus` null: all are old."""

    symbol: str
    price: Price
    time: datetime
    source: str
    licence: Licence
    consensus: Price | None


class LatestPrices(BaseModel):
    prices: list[LatestPrice]
    unknown: list[str]


class Candle(BaseModel):
    opened_at: datetime
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Price
    source: str = Field(examples=["stream"])


class UnfinishedCandle(Candle):
    """What there is of a candle by now: more trades may come to it."""

    known_until: datetime = Field(description="Trades up to then are in it: the end of its newest part.")


class Candles(BaseModel):
    """`candles` are over, the newest first. `older` is the `to` with which the next ones are asked for; null:
    there are none. `unfinished` is the one after the newest, of its closed smaller bars, until one comes that
    is not its own; null where there are none yet, where `to` ends before it, and of `1m`, which has no parts
    here.
    """

    symbol: str
    interval: Interval
    candles: list[Candle]
    unfinished: UnfinishedCandle | None
    older: datetime | None


class Reading(BaseModel):
    source: str
    licence: str
    subject: str
    name: str
    value: str
    time: datetime


class Readings(BaseModel):
    readings: list[Reading]


def price_text(price: int) -> str:
    """Of a price times 10^8, in plain digits."""
    return plain(unscaled(price))


def plain(number: Decimal) -> str:
    """In plain digits, without zeros at the end."""
    return format(number.normalize(), "f")


def moment(nanoseconds: int) -> datetime:
    """Of Unix nanoseconds, to the microsecond."""
    return datetime.fromtimestamp(nanoseconds // 1000 / 1e6, UTC)
