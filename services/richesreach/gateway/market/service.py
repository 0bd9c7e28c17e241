"""What the market is asked and told. Reads go through the cache; what is recorded drops what it makes old."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from richesreach.core.cache import Cache, keys
from richesreach.core.cache.kinds import METRICS, PREDICTIONS, PRICES, STATIC
from richesreach.gateway.market import pages, writes
from richesreach.gateway.market.batch import Batch
from richesreach.gateway.market.errors import UnknownError
from richesreach.gateway.market.live import STREAM, LivePrices
from richesreach.gateway.market.model import (
    Bar,
    Engine,
    Instrument,
    Interval,
    Performance,
    Period,
    Price,
    Signal,
)
from richesreach.gateway.market.pages import Page
from richesreach.gateway.market.store import MarketStore

Value = TypeVar("Value")

_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9.^=-]{0,19}")
_ENGINES = keys.static("engines")
#: Bars and signals are cached in these numbers, of which a shorter answer is a part.
CACHED_BARS = CACHED_SIGNALS = pages.MAX_PAGE
#: The age up to which a price of the stream is the latest, whatever the database has.
LIVE = timedelta(minutes=1)


def symbol_of(text: str) -> str:
    """A symbol as it is written here. Raises UnknownError for what no symbol can be."""
    symbol = text.upper()
    if not text.isascii() or not _SYMBOL.fullmatch(symbol):
        raise UnknownError("symbol", text)
    return symbol


class Market:
    """One a process: callers that miss the cache together are one question to the database.

    `live` is what prices of the stream say that they come of.
    """

    def __init__(self, store: MarketStore, cache: Cache, *, live: str = STREAM) -> None:
        self._store = store
        self._cache = cache
        self._live = LivePrices(cache.servers, live)
        self._instruments: Batch[str, Instrument] = Batch(store.symbols)
        self._prices: Batch[str, Price] = Batch(store.prices)
        self._signals: Batch[str, list[Signal]] = Batch(
            lambda symbols: store.newest_signals(symbols, CACHED_SIGNALS)
        )
        self._bars = {interval: self._bars_of(interval) for interval in Interval}
        self._performances = {period: self._performances_of(period) for period in Period}

    def _bars_of(self, interval: Interval) -> Batch[str, list[Bar]]:
        return Batch(lambda symbols: self._store.newest_bars(symbols, interval, CACHED_BARS))

    def _performances_of(self, period: Period) -> Batch[str, Performance]:
        return Batch(lambda symbols: self._store.performances(symbols, period))

    # ------------------------------------------------------------------------------------------ reads

    async def instrument(self, symbol: str) -> Instrument:
        """Raises UnknownError."""
        name = symbol_of(symbol)
        (found,) = await self.instruments([name])
        if found is None:
            raise UnknownError("symbol", symbol)
        return found

    async def instruments(self, symbols: Sequence[str]) -> list[Instrument | None]:
        """One for each of the symbols, None where there is none; so do all that take several."""

        async def one(symbol: str) -> Instrument | None:
            return await self._cache.get_or_load(
                keys.key("static", "symbol", symbol),
                lambda: self._instruments.one(symbol),
                kind=STATIC,
                wanted=Instrument,
                tags=[f"symbol:{symbol}"],
            )

        return await _each(symbols, one)

    async def instruments_page(
        self, *, first: int | None = None, after: str | None = None, asset_class: str | None = None
    ) -> Page[Instrument]:
        """By symbol. Raises InvalidError, CursorError."""
        count = pages.size(first)
        rows = await self._store.symbols_page(pages.name_after("symbol", after), asset_class, count + 1)
        return pages.page(rows, count, lambda row: pages.by_name("symbol", row.symbol))

    async def prices(self, symbols: Sequence[str]) -> list[Price | None]:
        """As the stream has them; where that has none of the last minute, the newer of both."""

        async def one(symbol: str) -> Price | None:
            live = await self._live.of(symbol)
            if live is not None and live.at > datetime.now(UTC) - LIVE:
                return live
            stored = await self._cache.get_or_load(
                keys.prices(symbol),
                lambda: self._prices.one(symbol),
                kind=PRICES,
                wanted=Price,
                tags=[f"symbol:{symbol}"],
            )
            known = [price for price in (live, stored) if price is not None]
            return max(known, key=lambda price: price.at, default=None)

        return await _each(symbols, one)

    async def newest_bars(self, symbols: Sequence[str], interval: Interval, count: int) -> list[list[Bar]]:
        """The newest `count` of each symbol, at most `CACHED_BARS`, the newest first."""

        async def one(symbol: str) -> list[Bar]:
            found = await self._cache.get_or_load(
                keys.key("prices", symbol, "bars", interval.value),
                lambda: self._bars[interval].one(symbol),
                kind=PRICES,
                wanted=list[Bar],
                tags=[f"symbol:{symbol}"],
            )
            return (found or [])[:count]

        return await _each(symbols, one)

    async def bars(
        self,
        symbol: str,
        interval: Interval,
        since: datetime,
        until: datetime,
        *,
        first: int | None = None,
        after: str | None = None,
    ) -> Page[Bar]:
        """The newest first. `after` takes the place of `until`. Raises InvalidError, CursorError."""
        count = pages.size(first)
        cursor = pages.time_after("bar", after)
        before = min(until, cursor[0]) if cursor else until
        rows = await self._store.bars(symbol, interval, since, before, count + 1)
        return pages.page(rows, count, lambda row: pages.by_time("bar", row.opened_at))

    async def newest_signals(self, symbols: Sequence[str], count: int) -> list[list[Signal]]:
        """The newest `count` of each symbol, at most `CACHED_SIGNALS`, of all engines."""

        async def one(symbol: str) -> list[Signal]:
            found = await self._cache.get_or_load(
                keys.predictions(symbol, "all"),
                lambda: self._signals.one(symbol),
                kind=PREDICTIONS,
                wanted=list[Signal],
                tags=[f"symbol:{symbol}"],
            )
            return (found or [])[:count]

        return await _each(symbols, one)

    async def signals_page(
        self,
        *,
        symbol: str | None = None,
        engine: str | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> Page[Signal]:
        """The newest first. Raises InvalidError, CursorError."""
        count, cursor = pages.size(first), pages.time_after("signal", after)
        rows = await self._store.signals_page(symbol, engine, cursor, count + 1)
        return pages.page(rows, count, lambda row: pages.by_time("signal", row.at, row.id))

    async def performances(self, symbols: Sequence[str], period: Period) -> list[Performance | None]:
        async def one(symbol: str) -> Performance | None:
            return await self._cache.get_or_load(
                keys.metrics(symbol, period.value),
                lambda: self._performances[period].one(symbol),
                kind=METRICS,
                wanted=Performance,
                tags=[f"symbol:{symbol}"],
            )

        return await _each(symbols, one)

    async def engines(self) -> list[Engine]:
        found = await self._cache.get_or_load(_ENGINES, self._store.engines, kind=STATIC, wanted=list[Engine])
        return found or []

    # ----------------------------------------------------------------------------------------- writes

    async def record_reference(self, instruments: Iterable[Instrument], engines: Iterable[Engine]) -> None:
        named = [*instruments]
        await self._store.save(writes.INSTRUMENT, map(writes.values, named))
        await self._store.save(writes.ENGINE, map(writes.values, engines))
        await self._cache.invalidate(keys=[_ENGINES], tags=[f"symbol:{row.symbol}" for row in named])

    async def record_bars(self, bars: Sequence[Bar]) -> None:
        """Into partitions that exist afterwards for every month among them."""
        await self._store.make_partitions({bar.opened_at.date().replace(day=1) for bar in bars})
        await self._record(writes.BAR, bars)

    async def record_prices(self, prices: Sequence[Price]) -> None:
        await self._record(writes.PRICE, prices)

    async def record_signals(self, signals: Sequence[Signal]) -> None:
        await self._record(writes.SIGNAL, signals)

    async def record_performances(self, performances: Sequence[Performance]) -> None:
        await self._record(writes.PERFORMANCE, performances)

    async def _record(self, statement: str, rows: Sequence[Bar | Price | Signal | Performance]) -> None:
        await self._store.save(statement, map(writes.values, rows))
        await self._cache.invalidate(tags=sorted({f"symbol:{row.symbol}" for row in rows}))


async def _each(symbols: Sequence[str], one: Callable[[str], Awaitable[Value]]) -> list[Value]:
    return [*await asyncio.gather(*(one(symbol) for symbol in symbols))]
