"""Work beside requests: how old the newest vectors are, and keeping them offline by the minute."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from richesreach.core.cache import Nodes
from richesreach.core.cache.nodes import CacheUnavailableError
from richesreach.core.database import DatabaseUnavailableError
from richesreach.core.logs import logger
from richesreach.core.problems import Problem
from richesreach.core.vectors import ONLINE, Vectors
from richesreach.features.moments import SECOND
from richesreach.features.offline import OfflineStore, days_from, rows_of
from richesreach.features.online import OnlineFeatures
from richesreach.features.views import VIEWS

# Seconds between looks at all vectors, and between rows that are kept offline.
LOOK, RECORD = 5, 60
# Symbols that are looked at.
MOST_SYMBOLS = 10_000
# For this long the database's symbols are not read again.
_SYMBOLS_FOR = 60
_TURN = "features:recording"
_LIVE = tuple(view for view in VIEWS if view.live)
# Days made ahead, today included.
_AHEAD = 2


class Watch:
    """`newest_age` and `oldest_age` are seconds, of symbols that have a vector; None before one was seen."""

    def __init__(
        self,
        online: OnlineFeatures,
        offline: OfflineStore,
        servers: Nodes,
        *,
        records: bool,
        days: int,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self.newest_age: float | None = None
        self.oldest_age: float | None = None
        self.symbols: Sequence[str] = ()
        self.recorded = 0
        self._online = online
        self._offline = offline
        self._servers = servers
        self._records = records
        self._days = days
        self._now = now
        self._symbols_until = 0.0
        # Event times of the newest and the oldest vector, as they were seen last.
        self._seen: tuple[int, int] | None = None
        self._made: object = None
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._task = asyncio.create_task(self._run(), name="features-watch")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except (DatabaseUnavailableError, CacheUnavailableError, Problem) as error:
                logger().warning("features_not_watched", error=str(error))
            except Exception:
                logger().exception("features_watch_failed")
            self._tell_ages()
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        """Take the ages of all vectors; and keep them, once a minute in the region that writes."""
        await self._know_symbols()
        if not self.symbols:
            return
        found = await self._online.newest(ONLINE, self.symbols)
        times = found.times[found.present]
        if len(times):
            self._seen = int(times.max()), int(times.min())
        self._tell_ages()
        if self._records and await self._turn():
            await self.record(self.symbols, found)

    def _tell_ages(self) -> None:
        """What is gone, or cannot be read, goes on to age."""
        if self._seen is not None:
            now = self._now()
            self.newest_age, self.oldest_age = (max(0.0, (now - seen) / SECOND) for seen in self._seen)

    async def record(self, symbols: Sequence[str], found: Vectors) -> None:
        """Keep what is online, as a row of each live view under the vector's own event time."""
        await self._make_days()
        there = np.flatnonzero(found.present & (found.times > 0))
        entities = [symbols[place] for place in there.tolist()]
        for view in _LIVE:
            rows = rows_of(view, entities, found.times[there], found.values[there])
            await self._offline.keep(view, rows)
        self.recorded += len(entities)

    async def _know_symbols(self) -> None:
        if time.monotonic() >= self._symbols_until:
            self.symbols = await self._offline.symbols(MOST_SYMBOLS)
            self._symbols_until = time.monotonic() + _SYMBOLS_FOR

    async def _turn(self) -> bool:
        """Whether it is this task that records now: one of the region's does, once a minute."""
        taken = await self._servers.write_value(
            lambda wire: wire.call("SET", _TURN, "1", "NX", "PX", RECORD * 1000 - LOOK * 500)
        )
        return bool(taken)

    async def _make_days(self) -> None:
        days = days_from(self._now(), _AHEAD)
        if self._made == days:
            return
        await self._offline.make_partitions(days)
        dropped = await self._offline.drop_partitions(
            days_from(self._now() - self._days * 86_400 * SECOND, 1)[0]
        )
        if dropped:
            logger().info("feature_days_dropped", partitions=dropped)
        self._made = days


def ages(watch: Watch) -> Mapping[str, float]:
    """By which of the vectors; without those that are not known yet."""
    found = {"newest": watch.newest_age, "oldest": watch.oldest_age}
    return {name: age for name, age in found.items() if age is not None}
