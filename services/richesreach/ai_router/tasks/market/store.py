"""Bars, signals and symbols of the market: the tables that the gateway keeps, read at the nearest replica.

The columns named here are the contract with the gateway's migrations: a test makes those tables, and reads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from richesreach.ai_router.tasks.market.schemas import Signal
from richesreach.core.database import Connection, Database

_SYMBOLS = "select symbol, name, asset_class, currency from market_symbols where symbol = any($1)"
_BARS = """
    select bars.* from unnest($1::text[]) as wanted (symbol) cross join lateral (
        select symbol, opened_at, high, low, close, source from market_bars
        where market_bars.symbol = wanted.symbol and interval = '1d'
        order by opened_at desc limit $2
    ) bars order by opened_at
"""
_SIGNALS = """
    select signals.* from unnest($1::text[]) as wanted (symbol) cross join lateral (
        select symbol, engine, direction, confidence, at from market_signals
        where market_signals.symbol = wanted.symbol
        order by at desc, id desc limit $2
    ) signals
"""
#: Newest signals of a symbol.
SIGNALS = 3


@dataclass(frozen=True, slots=True)
class Bar:
    """A day; prices as floats, which indicators are made of."""

    opened_at: datetime
    high: float
    low: float
    close: float
    source: str


@dataclass(frozen=True, slots=True)
class Found:
    """Of one symbol; bars in the order of time."""

    symbol: str
    name: str
    asset_class: str
    currency: str
    bars: tuple[Bar, ...]
    signals: tuple[Signal, ...]


class MarketStore:
    """Raises DatabaseUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, symbols: Sequence[str], days: int) -> Mapping[str, Found]:
        """Those of `symbols` that have bars, with at most `days` of them."""

        async def work(connection: Connection) -> Mapping[str, Found]:
            wanted = [*symbols]
            named = {row["symbol"]: row for row in await connection.fetch(_SYMBOLS, wanted)}
            bars: dict[str, list[Bar]] = {}
            for row in await connection.fetch(_BARS, wanted, days):
                day = Bar(
                    row["opened_at"],
                    float(row["high"]),
                    float(row["low"]),
                    float(row["close"]),
                    row["source"],
                )
                bars.setdefault(row["symbol"], []).append(day)
            signals: dict[str, list[Signal]] = {}
            for row in await connection.fetch(_SIGNALS, wanted, SIGNALS):
                signal = Signal(row["engine"], row["direction"], float(row["confidence"]), row["at"])
                signals.setdefault(row["symbol"], []).append(signal)
            return {
                symbol: Found(
                    symbol,
                    row["name"],
                    row["asset_class"],
                    row["currency"],
                    tuple(bars[symbol]),
                    tuple(signals.get(symbol, ())),
                )
                for symbol, row in named.items()
                if symbol in bars
            }

        return await self._database.read(work)
