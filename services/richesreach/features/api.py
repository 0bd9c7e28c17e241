"""Routes of the newest features and of the views: `/features/online`, `/features/views`."""

import time
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query
from starlette.requests import HTTPConnection
from starlette.responses import Response

from richesreach.core.access import allows, demand_roles
from richesreach.core.auth.callers import CurrentIdentity
from richesreach.core.auth.identity import Identity
from richesreach.features import moments, schemas
from richesreach.features.errors import unknown
from richesreach.features.online import NO_TIME
from richesreach.features.selection import selection
from richesreach.features.service import Features
from richesreach.features.views import BY_NAME, VIEWS

router = APIRouter(prefix="/features", tags=["features"])

READ, WRITE = Depends(allows("features:read")), Depends(allows("features:write"))
_KEPT = {"cache-control": "public, max-age=300"}
_LIVE = {"cache-control": "no-store"}
_ONLINE: dict[int | str, dict[str, Any]] = {200: {"model": schemas.Online}}
Commas = Annotated[str, Query(min_length=1, max_length=20_000, description="With commas between.")]


def features_of(connection: HTTPConnection) -> Features:
    found: Features = connection.app.state.features
    return found


CurrentFeatures = Annotated[Features, Depends(features_of)]


@router.get("/views")
async def list_views(response: Response) -> schemas.FeatureViews:
    """The feature views, with what each of their features is."""
    response.headers.update(_KEPT)
    return schemas.FeatureViews(views=[schemas.FeatureView.of(view) for view in VIEWS])


@router.get("/views/{name}")
async def show_view(name: str, response: Response) -> schemas.FeatureView:
    """One feature view."""
    if name not in BY_NAME:
        raise unknown("view", name)
    response.headers.update(_KEPT)
    return schemas.FeatureView.of(BY_NAME[name])


@router.get("/online", dependencies=[READ], responses=_ONLINE, response_class=Response)
async def read_online(
    entities: Commas, features: Commas, found: CurrentFeatures, caller: CurrentIdentity
) -> Response:
    """The newest features of several symbols (or portfolios, for services and admins)."""
    return await _online(found, _parts(features), _parts(entities), caller)


@router.post("/online", dependencies=[READ], responses=_ONLINE, response_class=Response)
async def read_many_online(
    asked: schemas.AskOnline, found: CurrentFeatures, caller: CurrentIdentity
) -> Response:
    """The same for more than an address holds."""
    return await _online(found, asked.features, asked.entities, caller)


async def _online(
    features: Features, names: Sequence[str], entities: Sequence[str], caller: Identity | None
) -> Response:
    admit(caller, names)
    found = await features.distinct(names, entities)
    now, read = time.time_ns(), found.read
    rows = [
        {
            "entity": entity,
            "event_time": moments.text(at),
            "age_seconds": max(0, now - at) / moments.SECOND,
            "values": values,
        }
        for entity, at, values in zip(found.entities, read.times, read.values.tolist(), strict=True)
        if at != NO_TIME
    ]
    answer = {
        "entity": found.wanted.entity,
        "features": found.wanted.names,
        "rows": rows,
        "unknown": found.unknown,
    }
    # NaN becomes null.
    return Response(msgspec.json.encode(answer), media_type="application/json", headers=_LIVE)


def admit(caller: Identity | None, names: Sequence[str]) -> None:
    """What a portfolio holds is no market data: services and admins alone read it. Raises Problem."""
    if selection(names).entity == "portfolio":
        demand_roles(caller, ("admin", "service"))


def _parts(text: str) -> list[str]:
    return [*dict.fromkeys(part.strip() for part in text.split(",") if part.strip())]
