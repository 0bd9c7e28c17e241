"""What was revoked of late, API keys or the tokens of users, known in every process of every region within
about a second.

Within a region, an invalidation of the cache tells of a key at once; but other regions have caches of their
own, and their replicas of the database may be behind. A token is asked about nowhere: it says itself until
when it counts. So what is revoked also stands in the global datastore, which every process reads once a
second. A process keeps each id for longer than any cache keeps a key, any replica lags or any token lives.
"""

import asyncio
import time
from collections.abc import Callable

from richesreach.core.cache.nodes import CacheUnavailableError, Nodes
from richesreach.core.cache.wire import Wire
from richesreach.core.ending import end

KEYS = "auth:revoked-keys"
SUBJECTS = "auth:revoked-subjects"
# Seconds.
INTERVAL = 1.0
REMEMBERED = 600.0
# Cognito lets an access token live for a day at most.
LONGEST_TOKEN = 86_400.0 + REMEMBERED


class Revocations:
    """`name` is of the set in the datastore, `remembered` for how long, `now` gives Unix seconds."""

    def __init__(
        self,
        servers: Nodes,
        name: str = KEYS,
        *,
        remembered: float = REMEMBERED,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._servers = servers
        self._name = name
        self._remembered = remembered
        self._now = now
        self._known: dict[str, float] = {}
        self._untold: dict[str, float] = {}
        self._following: asyncio.Task[None] | None = None

    def __contains__(self, revoked: str) -> bool:
        return revoked in self._known

    def covers(self, revoked: str, issued_at: float) -> bool:
        """Whether it was revoked when it had been issued at that time already."""
        at = self._known.get(revoked)
        return at is not None and issued_at <= at

    def open(self) -> None:
        self._following = asyncio.create_task(self._follow(), name=self._name)

    async def close(self) -> None:
        await end(self._following)

    async def tell(self, revoked: str) -> bool:
        """Whether other regions hear of it now; this process knows in any case, and tells until they do."""
        self._known[revoked] = self._untold[revoked] = self._now()
        return await self._tell_on()

    async def _tell_on(self) -> bool:
        now, untold = self._now(), dict(self._untold)

        async def add(wire: Wire) -> None:
            await wire.pipeline(
                [
                    ("ZADD", self._name, *(word for id_, at in untold.items() for word in (repr(at), id_))),
                    ("ZREMRANGEBYSCORE", self._name, "-inf", repr(now - self._remembered)),
                    ("EXPIRE", self._name, round(self._remembered)),
                ]
            )

        try:
            await self._servers.write_value(add)
        except CacheUnavailableError:
            return False
        self._untold = {each: at for each, at in self._untold.items() if untold.get(each) != at}
        return True

    async def look(self) -> None:
        """Ask once. Without an answer, what is known stays known."""
        if self._untold:
            await self._tell_on()
        now = self._now()

        since = repr(now - self._remembered)
        try:
            found: list[bytes] = await self._servers.read_value(
                lambda wire: wire.call("ZRANGEBYSCORE", self._name, since, "+inf", "WITHSCORES")
            )
        except CacheUnavailableError:
            return
        kept = {revoked: at for revoked, at in self._known.items() if at > now - self._remembered}
        for revoked, at in zip(found[::2], found[1::2], strict=True):
            kept[revoked.decode()] = max(float(at), kept.get(revoked.decode(), 0.0))
        self._known = kept

    async def _follow(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL)
