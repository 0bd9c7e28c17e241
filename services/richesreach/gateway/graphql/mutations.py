"""What can be changed: a caller's own watchlists and alerts. Sent again with its idempotency key, a change is
done once.
"""

from decimal import Decimal
from typing import Annotated

import strawberry
from strawberry import UNSET

from richesreach.gateway.graphql import types
from richesreach.gateway.graphql.context import Info, id_of
from richesreach.gateway.graphql.types import Alert, Watchlist, given
from richesreach.gateway.market.alerts import Alerts
from richesreach.gateway.market.model import Condition
from richesreach.gateway.market.watchlists import Watchlists

Key = Annotated[
    str | None,
    strawberry.argument(description="1 to 80 characters: sent again with them, a request is done once."),
]


@strawberry.input
class WatchlistInput:
    name: str = strawberry.field(description="1 to 80 characters; no other watchlist of yours has it.")
    symbols: list[str] = strawberry.field(description="Tickers, at most 100.")


@strawberry.input(description="What is left out stays.")
class WatchlistChanges:
    name: str | None = UNSET
    symbols: list[str] | None = strawberry.field(default=UNSET, description="In place of all that it has.")


@strawberry.input
class AlertInput:
    symbol: str
    condition: Condition
    threshold: Decimal = strawberry.field(description="A price above 0, as text.")
    note: str = ""


@strawberry.input(description="What is left out stays.")
class AlertChanges:
    threshold: Decimal | None = UNSET
    note: str | None = UNSET
    active: bool | None = UNSET


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def create_watchlist(
        self,
        info: Info,
        input: WatchlistInput,
        idempotency_key: Key = UNSET,
    ) -> Watchlist:
        subject = await info.context.subject("watchlists:write")
        made = await info.context.domain.watchlists.create(
            subject, input.name, input.symbols, key=given(idempotency_key)
        )
        return types.watchlist(made)

    @strawberry.mutation
    async def change_watchlist(
        self,
        info: Info,
        id: strawberry.ID,
        input: WatchlistChanges,
        idempotency_key: Key = UNSET,
    ) -> Watchlist:
        subject = await info.context.subject("watchlists:write")
        changed = await info.context.domain.watchlists.change(
            subject,
            id_of("watchlist", id),
            name=given(input.name),
            symbols=given(input.symbols),
            key=given(idempotency_key),
        )
        return types.watchlist(changed)

    @strawberry.mutation(description="Gives the id of what is gone.")
    async def delete_watchlist(
        self,
        info: Info,
        id: strawberry.ID,
        idempotency_key: Key = UNSET,
    ) -> strawberry.ID:
        return await _deleted(info, "watchlist", info.context.domain.watchlists, id, idempotency_key)

    @strawberry.mutation
    async def create_alert(
        self,
        info: Info,
        input: AlertInput,
        idempotency_key: Key = UNSET,
    ) -> Alert:
        subject = await info.context.subject("alerts:write")
        made = await info.context.domain.alerts.create(
            subject,
            input.symbol,
            input.condition,
            input.threshold,
            note=input.note,
            key=given(idempotency_key),
        )
        return types.alert(made)

    @strawberry.mutation
    async def change_alert(
        self,
        info: Info,
        id: strawberry.ID,
        input: AlertChanges,
        idempotency_key: Key = UNSET,
    ) -> Alert:
        subject = await info.context.subject("alerts:write")
        changed = await info.context.domain.alerts.change(
            subject,
            id_of("alert", id),
            threshold=given(input.threshold),
            note=given(input.note),
            active=given(input.active),
            key=given(idempotency_key),
        )
        return types.alert(changed)

    @strawberry.mutation(description="Gives the id of what is gone.")
    async def delete_alert(
        self,
        info: Info,
        id: strawberry.ID,
        idempotency_key: Key = UNSET,
    ) -> strawberry.ID:
        return await _deleted(info, "alert", info.context.domain.alerts, id, idempotency_key)


async def _deleted(
    info: Info, what: str, owned: Watchlists | Alerts, id: strawberry.ID, key: str | None
) -> strawberry.ID:
    subject = await info.context.subject(f"{what}s:write")
    return strawberry.ID(str(await owned.delete(subject, id_of(what, id), key=given(key))))
