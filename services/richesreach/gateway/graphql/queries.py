"""What can be asked."""

import strawberry
from strawberry import UNSET

from richesreach.gateway.graphql import types
from richesreach.gateway.graphql.context import Info
from richesreach.gateway.graphql.types import (
    Alert,
    Connection,
    Engine,
    Limit,
    PerformanceMetrics,
    Signal,
    Symbol,
    Watchlist,
)
from richesreach.gateway.market.errors import UnknownError
from richesreach.gateway.market.model import Period
from richesreach.gateway.market.service import symbol_of


@strawberry.type
class Query:
    @strawberry.field(description="A symbol by its ticker; null for one that is not known.")
    async def symbol(self, info: Info, name: str) -> Symbol | None:
        try:
            ticker = symbol_of(name)
        except UnknownError:
            return None
        return types.symbol(ticker) if await info.context.loaders.instruments.load(ticker) else None

    @strawberry.field(description="Every symbol, by ticker.")
    async def symbols(self, info: Info, first: Limit = 20, after: str | None = UNSET) -> Connection[Symbol]:
        cursor = types.given(after)
        page = await info.context.domain.market.instruments_page(first=first, after=cursor)
        return types.connection(page, cursor, lambda row: types.symbol(row.symbol))

    @strawberry.field(description="The newest signals, of one symbol or of all.")
    async def signals(
        self, info: Info, symbol: str | None = UNSET, limit: Limit | None = 100
    ) -> list[Signal]:
        count = types.checked(100 if limit is None else limit)
        name = types.given(symbol)
        if name is None:
            page = await info.context.domain.market.signals_page(first=count)
            return [types.signal(row) for row in page.items]
        ticker = await known(name, info)
        return [types.signal(row) for row in await info.context.loaders.signals(count).load(ticker)]

    @strawberry.field(description="How following the signals for a symbol would have done.")
    async def performance(self, info: Info, symbol: str, period: Period = Period.MONTH) -> PerformanceMetrics:
        return await types.performance_of(await known(symbol, info), period, info)

    @strawberry.field(description="What makes signals.")
    async def engines(self, info: Info) -> list[Engine]:
        return [types.engine(row) for row in await info.context.domain.market.engines()]

    @strawberry.field(description="The caller's watchlists, the oldest first.")
    async def watchlists(
        self, info: Info, first: Limit = 20, after: str | None = UNSET
    ) -> Connection[Watchlist]:
        subject, cursor = await info.context.subject("watchlists:read"), types.given(after)
        page = await info.context.domain.watchlists.page(subject, first=first, after=cursor)
        return types.connection(page, cursor, types.watchlist)

    @strawberry.field(description="The caller's alerts, the oldest first; of one symbol or of all.")
    async def alerts(
        self, info: Info, symbol: str | None = UNSET, first: Limit = 20, after: str | None = UNSET
    ) -> Connection[Alert]:
        subject, cursor = await info.context.subject("alerts:read"), types.given(after)
        page = await info.context.domain.alerts.page(
            subject, symbol=types.given(symbol), first=first, after=cursor
        )
        return types.connection(page, cursor, types.alert)


async def known(symbol: str, info: Info) -> str:
    """The ticker as it is written here. Raises UnknownError."""
    ticker = symbol_of(symbol)
    if await info.context.loaders.instruments.load(ticker) is None:
        raise UnknownError("symbol", symbol)
    return ticker
