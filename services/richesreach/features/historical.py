"""`POST /features/historical`: the features of given times, for training and for audits.

Of event times: a row that came later than it says counts from then on, as if it had come at once.
"""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.requests import HTTPConnection
from starlette.responses import Response

from richesreach.core.auth.callers import CurrentIdentity
from richesreach.features import moments, schemas
from richesreach.features.api import READ, admit
from richesreach.features.errors import refused
from richesreach.features.offline import OfflineStore
from richesreach.features.selection import selection
from richesreach.features.service import named

router = APIRouter(prefix="/features", tags=["features"])

MOST_ROWS = 1000


class Point(schemas.Asked):
    """An entity, and the time as of which it is wanted."""

    entity: schemas.EntityName
    at: schemas.Moment


class AskHistorical(schemas.Asked):
    features: schemas.Names
    rows: Annotated[list[Point], Field(min_length=1, max_length=MOST_ROWS)]


class HistoricalRow(Point):
    """`event_time` is that of the oldest value, null where nothing was known yet."""

    event_time: schemas.Moment | None
    values: list[float | None]


class Historical(schemas.Asked):
    """A row for each that was asked for, in that order. No value is from after its row's `at`."""

    features: list[str]
    rows: list[HistoricalRow]


def offline_of(connection: HTTPConnection) -> OfflineStore:
    found: OfflineStore = connection.app.state.offline
    return found


CurrentOffline = Annotated[OfflineStore, Depends(offline_of)]


@router.post(
    "/historical",
    dependencies=[READ],
    responses={200: {"model": Historical}},
    response_class=Response,
)
async def read_historical(asked: AskHistorical, offline: CurrentOffline, caller: CurrentIdentity) -> Response:
    """The newest values at or before each row's time; none that is older than its view lets it be."""
    admit(caller, asked.features)
    wanted = selection(asked.features)
    entities = []
    for point in asked.rows:
        name = named(wanted.entity, point.entity)
        if name is None:
            raise refused(f"{point.entity[:40]!r} is no {wanted.entity}.")
        entities.append(name)
    times = [moments.nanoseconds(point.at) for point in asked.rows]
    joined = await offline.as_of(wanted, entities, times)
    rows = [
        {
            "entity": entity,
            "at": moments.text(at),
            "event_time": None if event_time < 0 else moments.text(event_time),
            "values": values,
        }
        for entity, at, event_time, values in zip(
            entities, times, joined.times.tolist(), joined.values.tolist(), strict=True
        )
    ]
    answer = {"features": wanted.names, "rows": rows}
    return Response(
        msgspec.json.encode(answer), media_type="application/json", headers={"cache-control": "no-store"}
    )
