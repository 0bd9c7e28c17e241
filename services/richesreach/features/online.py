"""The newest vectors of many entities, of the region's cache: one MGET, whatever the number of features."""

import collections
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from richesreach.core.cache import Nodes
from richesreach.core.cache.nodes import CacheUnavailableError
from richesreach.core.logs import logger
from richesreach.core.market_hours import MARKETS, is_open, market_of
from richesreach.core.vectors import Floats, Layout, VectorError, Vectors
from richesreach.features.asked_keys import AskedKeys
from richesreach.features.errors import refused, unavailable
from richesreach.features.selection import Part, Selection

MOST_ENTITIES = 500
SECOND = 1_000_000_000  # nanoseconds
NO_TIME = -1

# Finds vectors that the cache does not have; in the order of the entities.
Finder = Callable[[Layout, Sequence[str]], Awaitable[Sequence[bytes | None]]]


@dataclass(slots=True)
class Read:
    """Row by row as the entities were asked. `times` is the event time (Unix nanoseconds) of the oldest of an
    entity's vectors, NO_TIME where there is none.
    """

    times: list[int]  # (n)
    values: Floats  # (n, names)


class OnlineFeatures:
    """`counts` are vectors read, by view and outcome: fresh, stale, missing; old ones are closed, and not
    stale, where the symbol's market is.
    """

    def __init__(
        self, servers: Nodes, find: Finder | None = None, *, now: Callable[[], int] = time.time_ns
    ) -> None:
        self.counts: collections.Counter[tuple[str, ...]] = collections.Counter()
        self.unreadable = 0
        self._keys = AskedKeys()
        self._servers = servers
        self._find = find
        self._now = now

    async def read(self, wanted: Selection, entities: Sequence[str]) -> Read:
        """Raises Problem for too many entities, and where the cache does not answer."""
        if not 1 <= len(entities) <= MOST_ENTITIES:
            raise refused(f"Ask for 1 to {MOST_ENTITIES} of them, not {len(entities)}.")
        parts = wanted.parts
        raw = await self._asked([part.layout for part in parts], entities)
        now = self._now()
        if len(raw) == 1 and (read := self._one(parts[0], entities[0], raw[0], now)) is not None:
            return read
        number = len(entities)
        found = []
        for place, part in enumerate(parts):
            vectors = await self._decoded(part, entities, raw[place * number : (place + 1) * number])
            self._judged(part, entities, vectors, now)
            found.append(vectors)
        return _side_by_side(wanted, found)

    def _one(self, part: Part, entity: str, raw: bytes | None, now: int) -> Read | None:
        """Of a single vector: arrays for one number cost more than asking for it. None for what is to be
        looked at more closely.
        """
        if raw is None:
            return None
        try:
            time, _ = part.layout.head(raw)
        except VectorError:
            return None
        age = now - time
        if age > part.given_for:
            return None
        for view in part.views:
            outcome = "fresh"
            if age > view.stale_after * SECOND:
                outcome = "closed" if view.live and not is_open(market_of(entity), now) else "stale"
            self.counts[view.name, outcome] += 1
        values = part.layout.features(raw)
        return Read([time], values if part.whole else values[:, part.source])

    async def newest(self, layout: Layout, entities: Sequence[str]) -> Vectors:
        """Whole vectors, however old, of any number of entities. Raises Problem."""
        found: list[bytes | None] = []
        for start in range(0, len(entities), MOST_ENTITIES):
            found += await self._asked([layout], entities[start : start + MOST_ENTITIES])
        return self._readable(layout, entities, found)

    async def _asked(self, layouts: Sequence[Layout], entities: Sequence[str]) -> Sequence[bytes | None]:
        command = self._keys.command(layouts, entities)
        try:
            found: list[bytes | None] = await self._servers.read_value(lambda wire: wire.ask(command))
        except CacheUnavailableError:
            raise unavailable() from None
        return found

    async def _decoded(self, part: Part, entities: Sequence[str], raw: Sequence[bytes | None]) -> Vectors:
        if self._find is not None and not part.views[0].live and None in raw:
            raw = await self._completed(part.layout, entities, [*raw])
        return self._readable(part.layout, entities, raw)

    async def _completed(
        self, layout: Layout, entities: Sequence[str], raw: list[bytes | None]
    ) -> Sequence[bytes | None]:
        assert self._find is not None  # noqa: S101 (asked by whom it is there for)
        missing = [place for place, one in enumerate(raw) if one is None]
        found = await self._find(layout, [entities[place] for place in missing])
        for place, one in zip(missing, found, strict=True):
            raw[place] = one
        return raw

    def _readable(self, layout: Layout, entities: Sequence[str], raw: Sequence[bytes | None]) -> Vectors:
        """One value that is no vector is as if it were not there, and takes no other with it."""
        try:
            return layout.decode(raw)
        except VectorError:
            good = [one if one is None or _is(layout, one) else None for one in raw]
        for entity, before, after in zip(entities, raw, good, strict=True):
            if before is not after:
                self.unreadable += 1
                logger().warning("vector_unreadable", key=layout.key(entity))
        return layout.decode(good)

    def _judged(self, part: Part, entities: Sequence[str], vectors: Vectors, now: int) -> None:
        """Count by age; and take out what is too old to be given."""
        number, counts = len(vectors.times), self.counts
        if int(vectors.times.min()) >= now - part.fresh_for:
            for view in part.views:
                counts[view.name, "fresh"] += number
            return
        oldest = now - part.given_for
        # A vector of time -1 says that there is none: it is kept so that the source is not asked again.
        gone = vectors.present & (vectors.times < oldest)
        if gone.any():
            vectors.present[gone] = False
            vectors.times[gone] = NO_TIME
            vectors.values[gone] = np.nan
        there = int(np.count_nonzero(vectors.present))
        for view in part.views:
            fresh = int(np.count_nonzero(vectors.times >= now - view.stale_after * SECOND))
            counts[view.name, "fresh"] += fresh
            closed = _closed(entities, vectors, now - view.stale_after * SECOND, now) if view.live else 0
            counts[view.name, "closed"] += closed
            counts[view.name, "stale"] += there - fresh - closed
            counts[view.name, "missing"] += number - there


def _side_by_side(wanted: Selection, found: Sequence[Vectors]) -> Read:
    """The columns that are wanted of the vectors of its parts."""
    if len(found) == 1:
        (part,), (vectors,) = wanted.parts, found
        return Read(vectors.times.tolist(), vectors.values if part.whole else vectors.values[:, part.source])
    number = len(found[0].times)
    values = np.empty((number, len(wanted.names)))
    times = np.full(number, np.iinfo(np.int64).max)
    present = np.zeros(number, np.bool_)
    for part, vectors in zip(wanted.parts, found, strict=True):
        values[:, part.target] = vectors.values[:, part.source]
        np.minimum(times, vectors.times, out=times, where=vectors.present)
        present |= vectors.present
    times[~present] = NO_TIME
    return Read(times.tolist(), values)


def _closed(entities: Sequence[str], vectors: Vectors, limit: int, now: int) -> int:
    """How many are older than `limit`, and of symbols whose market is closed."""
    shut = {market for market in MARKETS if not is_open(market, now)}
    if not shut:
        return 0
    old = np.flatnonzero(vectors.present & (vectors.times < limit))
    return sum(market_of(entities[place]) in shut for place in old.tolist())


def _is(layout: Layout, raw: bytes) -> bool:
    return len(raw) == layout.size and int.from_bytes(raw[:8], "little") == layout.number
