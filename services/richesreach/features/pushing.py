"""`POST /features/views/{view}/rows`: what other services know of a view that the stream does not write."""

import math
import time
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.requests import HTTPConnection

from richesreach.core.access import allows, demand_roles
from richesreach.core.auth.callers import CurrentIdentity
from richesreach.core.problems import Problem
from richesreach.features import moments, schemas
from richesreach.features.errors import refused, unknown
from richesreach.features.offline import Row, rows_of
from richesreach.features.pushed import PushedVectors
from richesreach.features.service import named
from richesreach.features.views import BY_NAME, View

router = APIRouter(prefix="/features", tags=["features"])

MOST_ROWS = 500
# A value that claims to be from later than this would be online before it is true, and stay.
LEAD = 60 * moments.SECOND


class PushedRow(schemas.Asked):
    """`values` by feature; one that is left out, or null, has no value."""

    entity: schemas.EntityName
    event_time: schemas.Moment
    values: Annotated[dict[schemas.Name, float | None], Field(min_length=1)]


class Push(schemas.Asked):
    rows: Annotated[list[PushedRow], Field(min_length=1, max_length=MOST_ROWS)]


class Taken(schemas.Asked):
    view: str
    rows: int


def pushed_of(connection: HTTPConnection) -> PushedVectors:
    found: PushedVectors = connection.app.state.pushed
    return found


CurrentPushed = Annotated[PushedVectors, Depends(pushed_of)]


@router.post("/views/{name}/rows", dependencies=[Depends(allows("features:write"))])
async def push_rows(name: str, new: Push, pushed: CurrentPushed, caller: CurrentIdentity) -> Taken:
    """Keep rows offline, and put the newest online. An entity has one row for an event time: the first.

    Values outside of a feature's range are refused with the whole push.
    """
    demand_roles(caller, ("admin", "service"))
    view = BY_NAME.get(name)
    if view is None:
        raise unknown("view", name)
    if view.live:
        raise Problem(409, "live-view", f"{name} is written by the stream alone.")
    latest = time.time_ns() + LEAD
    rows = [_row(view, row, latest) for row in new.rows]
    await pushed.push(view, rows)
    return Taken(view=name, rows=len(rows))


def _row(view: View, row: PushedRow, latest: int) -> Row:
    """Raises Problem, which names the row's entity."""
    entity = named(view.entity, row.entity)
    if entity is None:
        raise refused(f"{row.entity[:40]!r} is no {view.entity}.")
    at = moments.nanoseconds(row.event_time)
    if not 0 < at <= latest:
        raise refused(f"{entity}: the event time {row.event_time} is ahead of the clock.")
    foreign = sorted(row.values.keys() - set(view.names))
    if foreign:
        raise refused(f"{entity}: {foreign[0]} is no feature of {view.name}.")
    values = [_value(view, entity, place, row.values) for place in range(len(view.features))]
    return rows_of(view, [entity], np.array([at], np.int64), np.array([values]))[0]


def _value(view: View, entity: str, place: int, values: dict[str, float | None]) -> float:
    feature = view.features[place]
    value = values.get(feature.name)
    if value is None:
        return math.nan
    if not math.isfinite(value):
        raise refused(f"{entity}: {feature.name} is no finite number; leave it out where there is no value.")
    if not feature.admits(value):
        raise refused(f"{entity}: {feature.name} is {value:g}, out of {feature.bounds}.")
    return value
