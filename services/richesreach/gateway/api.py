"""Routes of the gateway."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from richesreach.core.app import CurrentPlatform
from richesreach.core.problems import Problem
from richesreach.gateway import schemas, service
from richesreach.gateway.store import BeaconStore

topology = APIRouter(prefix="/api/topology", tags=["topology"])


def _beacons(platform: CurrentPlatform) -> service.Beacons:
    return service.Beacons(BeaconStore(platform.database), platform.settings.region)


Beacons = Annotated[service.Beacons, Depends(_beacons)]


@topology.post("/beacons", status_code=201)
async def light_beacon(new: schemas.NewBeacon, beacons: Beacons, response: Response) -> schemas.WrittenBeacon:
    """Write a row through the writer, wherever it is."""
    beacon = await beacons.light(new.message)
    response.headers["location"] = f"/api/topology/beacons/{beacon.id}"
    return schemas.WrittenBeacon(
        id=beacon.id,
        message=beacon.message,
        written_in=beacon.written_in,
        written_at=beacon.written_at,
        database=schemas.WritingDatabase(address=beacon.address, role=beacon.role),
    )


@topology.get("/beacons/{beacon_id}")
async def sight_beacon(
    beacon_id: UUID, beacons: Beacons, platform: CurrentPlatform, response: Response
) -> schemas.ReadBeacon:
    """Read a row through this region's reader; 404 until that has replayed it."""
    try:
        beacon = await beacons.sight(beacon_id)
    except service.UnknownBeaconError as error:
        detail = (
            f"No beacon {error} is known in {platform.settings.region}; a new one may still be on its way."
        )
        raise Problem(404, "unknown-beacon", detail) from error
    response.headers["cache-control"] = "no-store"
    return schemas.ReadBeacon(
        id=beacon.id,
        message=beacon.message,
        written_in=beacon.written_in,
        written_at=beacon.written_at,
        read_in=platform.settings.region,
        database=schemas.ReadingDatabase(
            address=beacon.address, role=beacon.role, replication_lag_ms=beacon.replication_lag_ms
        ),
    )
