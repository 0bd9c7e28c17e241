"""What resolvers reach: one object a request, with loaders that ask for many things at once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from richesreach.core.access import demand_scopes
from richesreach.core.auth.identity import Identity
from richesreach.gateway.graphql.feeds import Feeds
from richesreach.gateway.market.domain import Domain
from richesreach.gateway.market.errors import UnknownError
from richesreach.gateway.market.model import Bar, Instrument, Interval, Performance, Period, Price, Signal
from richesreach.gateway.market.service import Market

if TYPE_CHECKING:
    from richesreach.gateway.graphql.documents import Operation


class Loaders:
    """Of one request: what two fields ask for is loaded once, and what all ask for together."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self.instruments: DataLoader[str, Instrument | None] = DataLoader(market.instruments)
        self.prices: DataLoader[str, Price | None] = DataLoader(market.prices)
        self._bars: dict[tuple[Interval, int], DataLoader[str, list[Bar]]] = {}
        self._signals: dict[int, DataLoader[str, list[Signal]]] = {}
        self._performances: dict[Period, DataLoader[str, Performance | None]] = {}

    def bars(self, interval: Interval, count: int) -> DataLoader[str, list[Bar]]:
        found = self._bars.get((interval, count))
        if found is None:
            found = DataLoader(lambda symbols: self._market.newest_bars(symbols, interval, count))
            self._bars[interval, count] = found
        return found

    def signals(self, count: int) -> DataLoader[str, list[Signal]]:
        found = self._signals.get(count)
        if found is None:
            found = DataLoader(lambda symbols: self._market.newest_signals(symbols, count))
            self._signals[count] = found
        return found

    def performances(self, period: Period) -> DataLoader[str, Performance | None]:
        found = self._performances.get(period)
        if found is None:
            found = DataLoader(lambda symbols: self._market.performances(symbols, period))
            self._performances[period] = found
        return found


# The caller, or nobody. Raises Problem for a credential that is not accepted.
Who: TypeAlias = Callable[[], Awaitable[Identity | None]]


@dataclass(slots=True)
class Context:
    """`operation` is what the document's checks found; the library takes the parsed document from it."""

    domain: Domain
    operation: "Operation"
    request_id: str
    who: Who
    feeds: Feeds
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.domain.market)

    def anew(self) -> None:
        """For the next result of a subscription: what was loaded for the one before is old."""
        self.loaders = Loaders(self.domain.market)

    async def subject(self, scope: str) -> str:
        """The id of a caller who has the scope. Raises Problem."""
        return demand_scopes(await self.who(), scope).subject


Info = strawberry.Info[Context, None]


def id_of(what: str, text: str) -> UUID:
    """Raises UnknownError for what no id can be."""
    try:
        return UUID(text)
    except ValueError as error:
        raise UnknownError(what, text) from error
