"""The market's tables in Postgres: everything is read for several symbols in one question."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import TypeVar
from uuid import UUID

import asyncpg

from richesreach.core.database import Connection, Database
from richesreach.core.unfinished_bars import made_bars
from richesreach.gateway.market.model import (
    Bar,
    Direction,
    Engine,
    Instrument,
    Interval,
    Performance,
    Period,
    Price,
    Signal,
)

Row = TypeVar("Row")

# Rows sent to the writer in one command, each of which has a time-out of its own.
_AT_ONCE = 500

_INSTRUMENT = "symbol, name, asset_class, exchange, currency, source"
_BAR_COLUMNS = ("symbol", "opened_at", "open", "high", "low", "close", "volume", "source")
_BAR = ", ".join(("interval", *_BAR_COLUMNS))
_SIGNAL = "id, symbol, engine, direction, confidence, at, source"
_PERFORMANCE = (
    "symbol, period, sharpe_ratio, win_rate, total_trades, total_pnl, max_drawdown, measured_at, source"
)
_ENGINE = "engine, name, version, description, enabled, source"

_SYMBOLS = f"select {_INSTRUMENT} from market_symbols where symbol = any($1)"  # noqa: S608
_SYMBOLS_PAGE = f"""
    select {_INSTRUMENT} from market_symbols
    where ($1::text is null or symbol > $1::text collate "C") and ($2::text is null or asset_class = $2)
    order by symbol limit $3
"""  # noqa: S608
_PRICES = "select symbol, price, at, source from market_prices where symbol = any($1)"
_BARS = f"""
    select {_BAR} from market_bars
    where symbol = $1 and interval = $2 and opened_at >= $3 and opened_at < $4
    order by opened_at desc limit $5
"""  # noqa: S608
_NEWEST_BARS = f"""
    select bars.* from unnest($1::text[]) as wanted (symbol) cross join lateral (
        select {_BAR} from market_bars
        where market_bars.symbol = wanted.symbol and interval = $2
        order by opened_at desc limit $3
    ) bars
"""  # noqa: S608
_SIGNALS_PAGE = f"""
    select {_SIGNAL} from market_signals
    where ($1::text is null or symbol = $1) and ($2::text is null or engine = $2)
        and ($3::timestamptz is null or (at, id) < ($3, $4::uuid))
    order by at desc, id desc limit $5
"""  # noqa: S608
_NEWEST_SIGNALS = f"""
    select signals.* from unnest($1::text[]) as wanted (symbol) cross join lateral (
        select {_SIGNAL} from market_signals
        where market_signals.symbol = wanted.symbol
        order by at desc, id desc limit $2
    ) signals
"""  # noqa: S608
_PERFORMANCES = f"select {_PERFORMANCE} from market_performance where symbol = any($1) and period = $2"  # noqa: S608
_ENGINES = f"select {_ENGINE} from market_engines order by engine"  # noqa: S608


class MarketStore:
    """Raises DatabaseUnavailableError."""

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database, self._clock = database, clock

    async def symbols(self, symbols: Sequence[str]) -> dict[str, Instrument]:
        rows = await self._rows(_SYMBOLS, [*symbols])
        return {row["symbol"]: Instrument(**row) for row in rows}

    async def symbols_page(self, after: str | None, asset_class: str | None, count: int) -> list[Instrument]:
        return [Instrument(**row) for row in await self._rows(_SYMBOLS_PAGE, after, asset_class, count)]

    async def prices(self, symbols: Sequence[str]) -> dict[str, Price]:
        return {row["symbol"]: Price(**row) for row in await self._rows(_PRICES, [*symbols])}

    async def bars(
        self, symbol: str, interval: Interval, since: datetime, until: datetime, count: int
    ) -> list[Bar]:
        """Those that are over, the newest first, opened from `since` on and before `until`."""
        of = interval.value

        async def select(connection: Connection) -> list[asyncpg.Record]:
            made = await made_bars(connection, [symbol], of, self._clock(), count + 1, since, until)
            over = [row for row in made if row["over"]]
            return [*over, *await connection.fetch(_BARS, symbol, of, since, until, count)]

        return _bars_once(await self._database.read(select))[:count]

    async def newest_bars(
        self, symbols: Sequence[str], interval: Interval, count: int
    ) -> dict[str, list[Bar]]:
        """The newest first; the last may go on still, and is then made of what there is of it."""
        wanted, of = [*symbols], interval.value

        async def select(connection: Connection) -> list[asyncpg.Record]:
            made = await made_bars(connection, wanted, of, self._clock(), count)
            return [*made, *await connection.fetch(_NEWEST_BARS, wanted, of, count)]

        found = _by_symbol(symbols, _bars_once(await self._database.read(select)))
        return {symbol: bars[:count] for symbol, bars in found.items()}

    async def signals_page(
        self, symbol: str | None, engine: str | None, after: tuple[datetime, UUID] | None, count: int
    ) -> list[Signal]:
        at, item = after or (None, None)
        return [_signal(row) for row in await self._rows(_SIGNALS_PAGE, symbol, engine, at, item, count)]

    async def newest_signals(self, symbols: Sequence[str], count: int) -> dict[str, list[Signal]]:
        rows = await self._rows(_NEWEST_SIGNALS, [*symbols], count)
        return _by_symbol(symbols, map(_signal, rows))

    async def performances(self, symbols: Sequence[str], period: Period) -> dict[str, Performance]:
        rows = await self._rows(_PERFORMANCES, [*symbols], period.value)
        return {row["symbol"]: _performance(row) for row in rows}

    async def engines(self) -> list[Engine]:
        return [Engine(**row) for row in await self._rows(_ENGINES)]

    async def save(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Do one of `market.writes` for each of the rows, all or none."""
        values = [*rows]

        async def write(connection: Connection) -> None:
            async with connection.transaction():
                for start in range(0, len(values), _AT_ONCE):
                    await connection.executemany(statement, values[start : start + _AT_ONCE])

        await self._database.write(write)

    async def make_partitions(self, months: Iterable[date]) -> None:
        """A partition of bars for each month that has none."""
        await self.save("select market_bars_partition($1)", ((month,) for month in sorted(months)))

    async def _rows(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        async def select(connection: Connection) -> list[asyncpg.Record]:
            return await connection.fetch(statement, *arguments)

        return await self._database.read(select)


def _bars_once(rows: Iterable[asyncpg.Record]) -> list[Bar]:
    """In their order. One that was written after it was made is there twice."""
    return [*{(row["symbol"], row["opened_at"]): _bar(row) for row in rows}.values()]


def _bar(row: asyncpg.Record) -> Bar:
    columns = {name: row[name] for name in _BAR_COLUMNS}
    return Bar(interval=Interval(row["interval"]), **columns)


def _signal(row: asyncpg.Record) -> Signal:
    columns = dict(row)
    return Signal(direction=Direction(columns.pop("direction")), **columns)


def _performance(row: asyncpg.Record) -> Performance:
    columns = dict(row)
    return Performance(period=Period(columns.pop("period")), **columns)


def _by_symbol(symbols: Sequence[str], found: Iterable[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {symbol: [] for symbol in symbols}
    for row in found:
        grouped[row.symbol].append(row)  # type: ignore[attr-defined]
    return grouped
