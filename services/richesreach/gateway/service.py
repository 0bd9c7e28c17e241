"""What the gateway knows: its configuration in public terms, and beacons that make topology visible."""

from collections.abc import Mapping
from uuid import UUID, uuid4

from richesreach.core.cache.counts import Counts
from richesreach.core.providers import KEY_VARIABLES
from richesreach.core.settings import Settings
from richesreach.gateway.store import Beacon, BeaconStore


class UnknownBeaconError(Exception):
    """No beacon has this id, or the reader has not replayed it yet."""


class Beacons:
    """A beacon is a row that tells where it was written, and when read, by which server and how late."""

    def __init__(self, store: BeaconStore, region: str) -> None:
        self._store = store
        self._region = region

    async def light(self, message: str) -> Beacon:
        return await self._store.write(uuid4(), message, self._region)

    async def sight(self, beacon_id: UUID) -> Beacon:
        """Raises UnknownBeaconError."""
        beacon = await self._store.read(beacon_id)
        if beacon is None:
            raise UnknownBeaconError(str(beacon_id))
        return beacon


def features(settings: Settings) -> dict[str, bool]:
    """What this service does, not what answers now: that is the status of services."""
    return {"caching": True, "rate_limiting": settings.rate_limiting, "monitoring": True, "database": True}


def integrations(settings: Settings) -> Mapping[str, bool]:
    """Every external provider by name: whether its key is set."""
    return {name: name in settings.providers for name in KEY_VARIABLES}


def reads_by_kind(counts: Counts) -> dict[str, dict[str, int]]:
    """How many of a kind's reads found what: `{"prices": {"local": 12, "miss": 1}}`."""
    found: dict[str, dict[str, int]] = {}
    for (kind, outcome), number in sorted(counts.by_kind().items()):
        found.setdefault(kind, {})[outcome.value] = number
    return found
