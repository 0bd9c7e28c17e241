"""Candles as the table `market_bars` has them: what the service `history` writes of `market.bars`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import asyncpg

from richesreach.core.database import Connection, Database
from richesreach.core.unfinished_bars import made_bars

_COLUMNS = ("opened_at", "open", "high", "low", "close", "volume", "source")
# The newest first. One row more than is asked shows whether there are older ones.
_BARS = f"""
    select {", ".join(_COLUMNS)} from market_bars
    where symbol = $1 and interval = $2 and opened_at >= $3 and opened_at < $4
    order by opened_at desc limit $5
"""  # noqa: S608
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


@dataclass(frozen=True, slots=True)
class Made:
    """A candle of what there is of its parts, up to `until`; `over`: that is all of them."""

    candle: Candle
    until: datetime
    over: bool


@dataclass(frozen=True, slots=True)
class Candles:
    """`closed` are over, the newest first; `more`: there are older ones. `unfinished` is the one after them;
    None where nothing is known of it, or it is not asked for.
    """

    closed: Sequence[Candle]
    more: bool
    unfinished: Made | None


class CandleStore:
    """Raises DatabaseUnavailableError."""

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database, self._clock = database, clock

    async def newest(
        self, symbol: str, interval: str, since: datetime, until: datetime, most: int
    ) -> Candles | None:
        """Those opened from `since` on and before `until`; None for a symbol that is not listed."""

        async def select(connection: Connection) -> Candles | None:
            # What is made comes first: a bar that is written meanwhile is then there twice, and not missing.
            now = self._clock()
            rows = await made_bars(connection, [symbol], interval, now, most + 2, since, until)
            made = [Made(_candle(row), row["known_until"], row["over"]) for row in rows]
            rows = await connection.fetch(_BARS, symbol, interval, since, until, most + 1)
            written = [_candle(row) for row in rows]
            if not written and not made and not await connection.fetchval(_LISTED, symbol):
                return None
            known = {candle.opened_at for candle in written}
            new = [bar for bar in made if bar.candle.opened_at not in known]
            closed = [*(bar.candle for bar in new if bar.over), *written]
            unfinished = next((bar for bar in new if not bar.over), None)
            return Candles(closed[:most], len(closed) > most, unfinished)

        return await self._database.read(select)


def _candle(row: asyncpg.Record) -> Candle:
    return Candle(**{name: row[name] for name in _COLUMNS})
