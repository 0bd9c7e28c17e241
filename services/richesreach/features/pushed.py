"""Views that are pushed: kept in Postgres, and online for a while after they were asked for."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from richesreach.core.cache import Nodes
from richesreach.core.cache.nodes import CacheUnavailableError
from richesreach.core.database import DatabaseUnavailableError
from richesreach.core.logs import logger
from richesreach.core.vectors import Layout
from richesreach.features.offline import OfflineStore, Row
from richesreach.features.service import named
from richesreach.features.views import VIEWS, View

# Seconds for which a vector stands in a region's cache: a push in another region is seen there after that.
KEPT = 300
# And for which it is remembered that an entity has none.
ABSENT = 30
_VIEWS: Mapping[int, View] = {view.layout.number: view for view in VIEWS if not view.live}
NONE = -1


class PushedVectors:
    """Finds vectors of pushed views in Postgres, and writes what it found to the cache."""

    def __init__(
        self, offline: OfflineStore, servers: Nodes, *, now: Callable[[], int] = time.time_ns
    ) -> None:
        self._offline = offline
        self._servers = servers
        self._now = now

    async def find(self, layout: Layout, entities: Sequence[str]) -> Sequence[bytes | None]:
        """Without a database there is what the cache has. What cannot be an entity is not looked for."""
        view = _VIEWS[layout.number]
        sound = [entity for entity in entities if named(view.entity, entity) == entity]
        found = dict(zip(sound, await self._found(layout, view, sound), strict=True)) if sound else {}
        return [found.get(entity) for entity in entities]

    async def _found(self, layout: Layout, view: View, entities: Sequence[str]) -> Sequence[bytes | None]:
        try:
            newest = await self._offline.newest(view, entities)
        except DatabaseUnavailableError as error:
            logger().warning("features_not_found", view=view.name, error=str(error))
            return [None] * len(entities)
        found = self._packed(view, entities, newest)
        # Only where there is nothing: what is read of a replica must not replace what was pushed meanwhile.
        await self._write(layout, entities, found, newest.keys(), "NX")
        return found

    async def push(self, view: View, rows: Sequence[Row]) -> None:
        """Raises DatabaseUnavailableError. Once it returns, this region reads nothing older."""
        await self._offline.keep(view, rows)
        entities = [*dict.fromkeys(row.entity for row in rows)]
        # Of the writer: a row that was pushed late may not be the newest.
        newest = await self._offline.newest(view, entities, written=True)
        await self._write(view.layout, entities, self._packed(view, entities, newest), newest.keys())

    def _packed(self, view: View, entities: Sequence[str], newest: Mapping[str, Row]) -> list[bytes]:
        nothing = [np.nan] * len(view.names)
        values = [newest[entity].values if entity in newest else nothing for entity in entities]
        times = [newest[entity].time if entity in newest else NONE for entity in entities]
        offsets = np.full(len(entities), NONE, np.int64)
        return view.layout.encode(np.array(times, np.int64), offsets, np.array(values, np.float64))

    async def _write(
        self,
        layout: Layout,
        entities: Sequence[str],
        packed: Sequence[bytes],
        known: Collection[str],
        *how: str,
    ) -> None:
        commands = [
            ("SET", layout.key(entity), raw, "EX", KEPT if entity in known else ABSENT, *how)
            for entity, raw in zip(entities, packed, strict=True)
        ]
        try:
            await self._servers.write_value(lambda wire: wire.pipeline(commands))
        except CacheUnavailableError:
            logger().warning("features_not_cached", layout=f"{layout.number:016x}")
