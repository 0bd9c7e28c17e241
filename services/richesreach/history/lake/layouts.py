"""What the files hold: columns with the types of the tables over them, and how each is made of buffered rows.

The tables are declared in `stacks/datalake/schemas`; a test compares the two.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

# Of a nullable integer that is not there.
ABSENT = -(2**63)


class Kind(StrEnum):
    """What a buffer has of a column, and so what must become of it."""

    NAME = "name"  # a number of a text
    INTEGER = "integer"
    SCALED = "scaled"  # times 10^8, or ABSENT
    DECIMAL = "decimal"  # as text, empty where there is none
    NUMBER = "number"  # NaN where there is none
    TIME = "time"  # Unix nanoseconds


TYPES = {
    Kind.NAME: "VARCHAR",
    Kind.INTEGER: "BIGINT",
    Kind.SCALED: "DECIMAL(28,8)",
    Kind.DECIMAL: "DECIMAL(28,8)",
    Kind.NUMBER: "DOUBLE",
    Kind.TIME: "TIMESTAMP WITH TIME ZONE",
}
_MADE = {
    Kind.NAME: '"names of {0}".name',
    Kind.INTEGER: 'rows."{0}"',
    Kind.SCALED: f'(nullif(rows."{{0}}", {ABSENT})::decimal(19,0) * 0.00000001::decimal(8,8))::decimal(28,8)',
    Kind.DECIMAL: "nullif(rows.\"{0}\", '')::decimal(28,8)",
    Kind.NUMBER: 'case when isnan(rows."{0}") then null else rows."{0}" end',
    Kind.TIME: "make_timestamp(rows.\"{0}\" // 1000) at time zone 'UTC'",
}


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind

    @property
    def type(self) -> str:
        """Of DuckDB, when it reads a file."""
        return TYPES[self.kind]

    @property
    def made(self) -> str:
        """With its type also where there is no row to tell it by."""
        return f'({_MADE[self.kind].format(self.name)})::{self.type} as "{self.name}"'


@dataclass(frozen=True)
class Layout:
    """Files of one dataset. `unique` are the columns by which a row is one and no other; `sorted_by` is the
    order of large files, whose groups of rows then cover few symbols.
    """

    dataset: str
    topic: str
    prefix: str
    columns: tuple[Column, ...]
    unique: tuple[str, ...]
    sorted_by: tuple[str, ...]

    @property
    def manifests(self) -> str:
        return f"{self.prefix}manifests/"

    @cached_property
    def query(self) -> str:
        """Makes the columns of a file from buffered rows and the names that they number."""
        joins = " ".join(
            f'join names as "names of {column.name}" on "names of {column.name}".code = rows."{column.name}"'
            for column in self.columns
            if column.kind is Kind.NAME
        )
        made = ", ".join(column.made for column in self.columns)
        return f"select {made} from rows {joins} order by rows.row"  # noqa: S608 (names of our own)


def _columns(kind: Kind, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name in names)


INDICATORS = (
    *("sma_20", "sma_50", "ema_12", "ema_26", "rsi_14", "macd", "macd_signal", "macd_histogram"),
    *("bollinger_upper", "bollinger_middle", "bollinger_lower", "vwap_20", "realised_volatility_20"),
    "regime",
)
_STREAM = _columns(Kind.INTEGER, "stream_epoch", "stream_partition", "stream_offset")
_ORIGIN = _columns(Kind.NAME, "origin")

TICKS = Layout(
    "market_ticks",
    "market.ticks",
    "raw/market_data/ticks/",
    (
        *_columns(Kind.NAME, "symbol", "source", "venue", "licence"),
        *_columns(Kind.INTEGER, "sequence", "event_time", "received_time"),
        *_columns(Kind.SCALED, "price", "size", "bid", "ask"),
        *_STREAM,
        *_columns(Kind.INTEGER, "stream_place"),
        *_ORIGIN,
    ),
    # A publisher that does not hear whether a batch arrived sends it again: the same numbers, another offset.
    unique=("stream_epoch", "source", "symbol", "sequence"),
    sorted_by=("symbol", "event_time", "stream_offset", "stream_place"),
)
BARS = Layout(
    "bars",
    "market.bars",
    "processed/bars/",
    (
        *_columns(Kind.NAME, "symbol"),
        *_columns(Kind.TIME, "timestamp", "ends_at"),
        *_columns(Kind.NAME, "interval"),
        *_columns(Kind.DECIMAL, "open", "high", "low", "close", "volume", "vwap"),
        *_columns(Kind.INTEGER, "ticks", "revision"),
        *_STREAM,
        *_ORIGIN,
    ),
    unique=("symbol", "interval", "timestamp", "revision"),
    sorted_by=("symbol", "interval", "timestamp", "revision"),
)
TECHNICAL_INDICATORS = Layout(
    "technical_indicators",
    "market.indicators",
    "processed/features/technical_indicators/",
    (
        *_columns(Kind.NAME, "symbol"),
        *_columns(Kind.TIME, "timestamp"),
        *_columns(Kind.NAME, "interval"),
        *_columns(Kind.NUMBER, *INDICATORS),
        *_STREAM,
        *_ORIGIN,
    ),
    unique=("symbol", "interval", "timestamp"),
    sorted_by=("symbol", "interval", "timestamp"),
)
LAYOUTS = (TICKS, BARS, TECHNICAL_INDICATORS)
