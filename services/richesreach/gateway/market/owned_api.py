"""Routes of what callers own: `/api/watchlists` and `/api/alerts`."""

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response

from richesreach.core.access import allows
from richesreach.core.auth.identity import Identity
from richesreach.gateway.market import pages, schemas
from richesreach.gateway.market.api import Cursor
from richesreach.gateway.market.domain import CurrentDomain
from richesreach.gateway.market.schemas import PageSize


def _private(response: Response) -> None:
    response.headers["cache-control"] = "private, no-store"


_MINE: dict[int | str, dict[str, Any]] = {404: {"description": "The caller has nothing with this id."}}
_TAKEN: dict[int | str, dict[str, Any]] = {
    404: {"description": "A symbol is not known, or the caller has nothing with this id."},
    409: {"description": "The name is taken, the limit is reached, or the key was used for another request."},
}
watchlists = APIRouter(prefix="/api/watchlists", tags=["watchlists"], dependencies=[Depends(_private)])
alerts = APIRouter(prefix="/api/alerts", tags=["alerts"], dependencies=[Depends(_private)])

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=80,
        pattern="^[!-~]+$",
        description="Sent again with the same key, a request is done once and answered as the first time.",
    ),
]
WatchlistReader = Annotated[Identity, Depends(allows("watchlists:read"))]
WatchlistWriter = Annotated[Identity, Depends(allows("watchlists:write"))]
AlertReader = Annotated[Identity, Depends(allows("alerts:read"))]
AlertWriter = Annotated[Identity, Depends(allows("alerts:write"))]


@watchlists.get("")
async def list_watchlists(
    caller: WatchlistReader,
    domain: CurrentDomain,
    limit: PageSize = pages.DEFAULT_PAGE,
    cursor: Cursor = None,
) -> schemas.Page[schemas.Watchlist]:
    """The caller's, the oldest first."""
    page = await domain.watchlists.page(caller.subject, first=limit, after=cursor)
    items = [schemas.Watchlist.model_validate(row) for row in page.items]
    return schemas.Page(items=items, next_cursor=page.next)


@watchlists.post("", status_code=201, responses=_TAKEN)
async def create_watchlist(
    caller: WatchlistWriter,
    domain: CurrentDomain,
    new: schemas.NewWatchlist,
    response: Response,
    key: Key = None,
) -> schemas.Watchlist:
    """Symbols to watch, under a name that no other watchlist of the caller has."""
    made = await domain.watchlists.create(caller.subject, new.name, new.symbols, key=key)
    response.headers["location"] = f"/api/watchlists/{made.id}"
    return schemas.Watchlist.model_validate(made)


@watchlists.get("/{watchlist_id}", responses=_MINE)
async def show_watchlist(
    caller: WatchlistReader, domain: CurrentDomain, watchlist_id: UUID
) -> schemas.Watchlist:
    """One of the caller's."""
    return schemas.Watchlist.model_validate(await domain.watchlists.get(caller.subject, watchlist_id))


@watchlists.patch("/{watchlist_id}", responses=_TAKEN)
async def change_watchlist(
    caller: WatchlistWriter,
    domain: CurrentDomain,
    watchlist_id: UUID,
    changed: schemas.ChangedWatchlist,
    key: Key = None,
) -> schemas.Watchlist:
    """Another name, other symbols, or both."""
    found = await domain.watchlists.change(
        caller.subject, watchlist_id, name=changed.name, symbols=changed.symbols, key=key
    )
    return schemas.Watchlist.model_validate(found)


@watchlists.delete("/{watchlist_id}", status_code=204, responses=_MINE)
async def delete_watchlist(caller: WatchlistWriter, domain: CurrentDomain, watchlist_id: UUID) -> None:
    """It is gone with its symbols."""
    await domain.watchlists.delete(caller.subject, watchlist_id)


@alerts.get("", responses=_MINE)
async def list_alerts(
    caller: AlertReader,
    domain: CurrentDomain,
    symbol: Annotated[str | None, Query(max_length=64)] = None,
    limit: PageSize = pages.DEFAULT_PAGE,
    cursor: Cursor = None,
) -> schemas.Page[schemas.Alert]:
    """The caller's, the oldest first; of one symbol or of all."""
    page = await domain.alerts.page(caller.subject, symbol=symbol, first=limit, after=cursor)
    items = [schemas.Alert.model_validate(row) for row in page.items]
    return schemas.Page(items=items, next_cursor=page.next)


@alerts.post("", status_code=201, responses=_TAKEN)
async def create_alert(
    caller: AlertWriter, domain: CurrentDomain, new: schemas.NewAlert, response: Response, key: Key = None
) -> schemas.Alert:
    """Fires when the price is at or beyond the threshold."""
    made = await domain.alerts.create(
        caller.subject, new.symbol, new.condition, Decimal(new.threshold), note=new.note, key=key
    )
    response.headers["location"] = f"/api/alerts/{made.id}"
    return schemas.Alert.model_validate(made)


@alerts.get("/{alert_id}", responses=_MINE)
async def show_alert(caller: AlertReader, domain: CurrentDomain, alert_id: UUID) -> schemas.Alert:
    """One of the caller's."""
    return schemas.Alert.model_validate(await domain.alerts.get(caller.subject, alert_id))


@alerts.patch("/{alert_id}", responses=_TAKEN)
async def change_alert(
    caller: AlertWriter,
    domain: CurrentDomain,
    alert_id: UUID,
    changed: schemas.ChangedAlert,
    key: Key = None,
) -> schemas.Alert:
    """Another threshold or note, or switched on or off."""
    threshold = None if changed.threshold is None else Decimal(changed.threshold)
    found = await domain.alerts.change(
        caller.subject, alert_id, threshold=threshold, note=changed.note, active=changed.active, key=key
    )
    return schemas.Alert.model_validate(found)


@alerts.delete("/{alert_id}", status_code=204, responses=_MINE)
async def delete_alert(caller: AlertWriter, domain: CurrentDomain, alert_id: UUID) -> None:
    """It fires no more."""
    await domain.alerts.delete(caller.subject, alert_id)
