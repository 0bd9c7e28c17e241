"""What can be followed: prices and signals of a symbol, as the stream brings them."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import strawberry

from richesreach.core.events import schemas
from richesreach.core.events.scaled import ONE
from richesreach.gateway.graphql import types
from richesreach.gateway.graphql.context import Info
from richesreach.gateway.graphql.queries import known
from richesreach.gateway.graphql.types import PricePoint, Signal
from richesreach.gateway.market.model import Direction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@strawberry.type
class Subscription:
    @strawberry.subscription(description="Each trade or quote of a symbol.")
    async def price_update(self, info: Info, symbol: str) -> AsyncGenerator[PricePoint, None]:
        ticker = await known(symbol, info)
        async for source, tick in info.context.feeds.ticks.of(ticker):
            info.context.anew()
            yield _point(ticker, tick, source)

    @strawberry.subscription(description="Each new signal for a symbol.")
    async def signal_update(self, info: Info, symbol: str) -> AsyncGenerator[Signal, None]:
        ticker = await known(symbol, info)
        async for message in info.context.feeds.signals.of(ticker):
            info.context.anew()
            yield _signal(message)


def _at(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def _point(symbol: str, tick: schemas.Tick | schemas.PackedTick, source: str) -> PricePoint:
    if isinstance(tick, schemas.PackedTick):
        # One division of two integers is the float that is nearest to the price, as of a decimal number.
        price, size, at = tick.p / ONE, tick.z / ONE, tick.t
    else:
        price, size, at = float(tick.price), float(tick.size), tick.event_time
    return PricePoint(symbol=symbol, timestamp=_at(at), price=price, volume=size, source=source)


def _signal(message: schemas.Signal) -> Signal:
    return Signal(
        id=strawberry.ID(message.id),
        symbol=types.symbol(message.symbol),
        direction=Direction[message.action.upper()],
        confidence=message.confidence,
        engine=message.engine,
        timestamp=_at(message.time),
    )
