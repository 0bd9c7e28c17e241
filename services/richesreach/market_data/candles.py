"""Candles as the table `market_bars` has them: what the service `history` writes of `market.bars`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from richesreach.core.database import Connection, Database

# The newest first. One row more than is asked shows whether there are older ones.
_BARS = """
    select opened_at, open, high, low, close, volume, source from market_bars
    where symbol = $1 and interval = $2 and opened_at >= $3 and opened_at < $4
    order by opened_at desc limit $5
"""
_LISTED = "select exists (select from market_symbols where symbol = $1)"


@dataclass(frozen=True, slots=True)
class Candle:
    """`source` is who made it; the time is that of the interval's beginning."""

    opened_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    source: str


class CandleStore:
    """Raises DatabaseUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(
        self, symbol: str, interval: str, since: datetime, until: datetime, most: int
    ) -> tuple[Sequence[Candle], bool] | None:
        """Those opened from `since` on and before `until`, the newest first, and whether there are more; None
        for a symbol that the market does not list.
        """

        async def select(connection: Connection) -> tuple[Sequence[Candle], bool] | None:
            rows = await connection.fetch(_BARS, symbol, interval, since, until, most + 1)
            if not rows and not await connection.fetchval(_LISTED, symbol):
                return None
            return [Candle(**row) for row in rows[:most]], len(rows) > most

        return await self._database.read(select)
