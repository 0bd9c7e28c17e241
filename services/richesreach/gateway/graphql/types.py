"""The types of the schema, named as the requirements name them."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Generic, TypeVar

import strawberry

from richesreach.gateway.graphql.context import Info
from richesreach.gateway.market import model, pages
from richesreach.gateway.market.errors import InvalidError, UnknownError
from richesreach.gateway.market.model import Condition, Direction, Interval, Period

Node = TypeVar("Node")
Item = TypeVar("Item")
MADE_UP = f"`{model.GENERATED}` is made up, and no market data"

strawberry.enum(Direction, description="What a signal advises.")
strawberry.enum(Interval, description="How long a bar is.")
strawberry.enum(Period, description="How far performance looks back.")
strawberry.enum(Condition, description="An alert fires when the price is at or beyond its threshold.")

Limit = Annotated[int, strawberry.argument(description=f"How many at most, 1 to {pages.MAX_PAGE}.")]


def given(value: Item | None) -> Item | None:
    """An argument whose default is UNSET, so that the schema shows none."""
    return None if value is strawberry.UNSET else value


def checked(limit: int) -> int:
    """Raises InvalidError."""
    if not 1 <= limit <= pages.MAX_PAGE:
        raise InvalidError(f"A limit is 1 to {pages.MAX_PAGE}, not {limit}.")
    return limit


@strawberry.type(description="A price at a time. A bar's price is its close; a trade has no range.")
class PricePoint:
    symbol: str
    timestamp: datetime
    price: float
    source: str = strawberry.field(description=f"Where it is from; {MADE_UP}.")
    open: float | None = None
    high: float | None = None
    low: float | None = None
    volume: float | None = None


@strawberry.type(description="How following the signals for a symbol would have done.")
class PerformanceMetrics:
    sharpe_ratio: float
    win_rate: float = strawberry.field(description="A share, 0 to 1.")
    total_trades: int
    total_pnl: float = strawberry.field(name="totalPnL", description="In the symbol's currency.")
    max_drawdown: float = strawberry.field(description="A share, 0 to 1.")


@strawberry.type(description="What makes signals.")
class Engine:
    id: strawberry.ID
    name: str
    version: str
    description: str
    enabled: bool


@strawberry.type(description="Something that is traded.")
class Symbol:
    id: strawberry.ID
    name: str = strawberry.field(description="The ticker, such as AAPL or BTC-USD.")

    @strawberry.field(description="The latest price, in the symbol's currency.")
    async def current_price(self, info: Info) -> float:
        found = await info.context.loaders.prices.load(self.name)
        if found is None:
            raise UnknownError("price", self.name)
        return float(found.price)

    @strawberry.field(description="The newest bars, the oldest of them first; the last may go on still.")
    async def price_history(
        self, info: Info, interval: Interval = Interval.DAY, limit: Limit = 30
    ) -> list[PricePoint]:
        bars = await info.context.loaders.bars(interval, checked(limit)).load(self.name)
        return [point(bar) for bar in reversed(bars)]

    @strawberry.field(description="The newest signals of all engines, the newest first.")
    async def signals(self, info: Info, limit: Limit = 10) -> list["Signal"]:
        return [signal(row) for row in await info.context.loaders.signals(checked(limit)).load(self.name)]

    @strawberry.field
    async def performance(self, info: Info, period: Period = Period.MONTH) -> PerformanceMetrics:
        return await performance_of(self.name, period, info)


@strawberry.type(description="What an engine advises for a symbol.")
class Signal:
    id: strawberry.ID
    symbol: Symbol
    direction: Direction
    confidence: float = strawberry.field(description="0 to 1.")
    engine: str
    timestamp: datetime


@strawberry.type(description="Symbols that its owner watches, in the owner's order.")
class Watchlist:
    id: strawberry.ID
    name: str
    tickers: strawberry.Private[tuple[str, ...]]
    created_at: datetime
    updated_at: datetime

    @strawberry.field
    def symbols(self, limit: Limit = 50) -> list[Symbol]:
        return [symbol(name) for name in self.tickers[: checked(limit)]]


@strawberry.type(description="Tells its owner when a price is at or beyond a threshold.")
class Alert:
    id: strawberry.ID
    symbol: Symbol
    condition: Condition
    threshold: Decimal
    note: str
    active: bool
    created_at: datetime
    updated_at: datetime


# ------------------------------------------------------------------- pages, as Relay's specification has them


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class Edge(Generic[Node]):
    cursor: str
    node: Node


@strawberry.type
class Connection(Generic[Node]):
    edges: list[Edge[Node]]
    page_info: PageInfo


def connection(page: pages.Page[Item], after: str | None, made: Callable[[Item], Node]) -> Connection[Node]:
    edges = [
        Edge(cursor=cursor, node=made(item)) for item, cursor in zip(page.items, page.cursors, strict=True)
    ]
    info = PageInfo(
        has_next_page=page.more,
        has_previous_page=after is not None,
        start_cursor=page.cursors[0] if page.cursors else None,
        end_cursor=page.cursors[-1] if page.cursors else None,
    )
    return Connection(edges=edges, page_info=info)


# ----------------------------------------------------------------------------- from the domain to the schema


def symbol(name: str) -> Symbol:
    return Symbol(id=strawberry.ID(name), name=name)


def point(bar: model.Bar) -> PricePoint:
    return PricePoint(
        symbol=bar.symbol,
        timestamp=bar.opened_at,
        price=float(bar.close),
        open=float(bar.open),
        high=float(bar.high),
        low=float(bar.low),
        volume=float(bar.volume),
        source=bar.source,
    )


def signal(row: model.Signal) -> Signal:
    return Signal(
        id=strawberry.ID(str(row.id)),
        symbol=symbol(row.symbol),
        direction=row.direction,
        confidence=float(row.confidence),
        engine=row.engine,
        timestamp=row.at,
    )


async def performance_of(name: str, period: Period, info: Info) -> PerformanceMetrics:
    """Raises UnknownError."""
    found = await info.context.loaders.performances(period).load(name)
    if found is None:
        raise UnknownError("performance", name)
    return PerformanceMetrics(
        sharpe_ratio=float(found.sharpe_ratio),
        win_rate=float(found.win_rate),
        total_trades=found.total_trades,
        total_pnl=float(found.total_pnl),
        max_drawdown=float(found.max_drawdown),
    )


def engine(row: model.Engine) -> Engine:
    return Engine(
        id=strawberry.ID(row.engine),
        name=row.name,
        version=row.version,
        description=row.description,
        enabled=row.enabled,
    )


def watchlist(row: model.Watchlist) -> Watchlist:
    return Watchlist(
        id=strawberry.ID(str(row.id)),
        name=row.name,
        tickers=row.symbols,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def alert(row: model.Alert) -> Alert:
    return Alert(
        id=strawberry.ID(str(row.id)),
        symbol=symbol(row.symbol),
        condition=row.condition,
        threshold=row.threshold,
        note=row.note,
        active=row.active,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
