"""Which API keys were revoked of late, known in every process of every region within about a second.

Within a region, an invalidation of the cache says so at once; but other regions have caches of their own,
and their replicas of the database may be behind. So the revoked ids also stand in the global datastore, which
every process reads once a second. A process keeps each id for longer than any cache keeps a key and any
replica lags.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from richesreach.core.cache.nodes import CacheUnavailableError, Client, Nodes
from richesreach.core.ending import end

NAME = "auth:revoked-keys"
# Seconds.
INTERVAL = 1.0
REMEMBERED = 600.0


class Revocations:
    """`now` gives Unix seconds."""

    def __init__(self, servers: Nodes, *, now: Callable[[], float] = time.time) -> None:
        self._servers = servers
        self._now = now
        self._known: dict[str, float] = {}
        self._following: asyncio.Task[None] | None = None

    def __contains__(self, key_id: str) -> bool:
        return key_id in self._known

    def open(self) -> None:
        self._following = asyncio.create_task(self._follow(), name="revoked-keys")

    async def close(self) -> None:
        await end(self._following)

    async def tell(self, key_id: str) -> bool:
        """Whether other regions will hear of it; this process knows in any case."""
        now = self._now()
        self._known[key_id] = now

        async def add(node: Client) -> None:
            async with node.pipeline(transaction=False) as pipeline:
                pipeline.zadd(NAME, {key_id: now})
                pipeline.zremrangebyscore(NAME, "-inf", now - REMEMBERED)
                pipeline.expire(NAME, round(REMEMBERED))
                await pipeline.execute()

        try:
            await self._servers.write(add)
        except CacheUnavailableError:
            return False
        return True

    async def look(self) -> None:
        """Ask once. Without an answer, what is known stays known."""
        now = self._now()

        async def ask(node: Client) -> Any:
            found: Any = await node.zrangebyscore(NAME, now - REMEMBERED, "+inf")
            return found

        try:
            found = await self._servers.read(ask)
        except CacheUnavailableError:
            return
        kept = {key_id: at for key_id, at in self._known.items() if at > now - REMEMBERED}
        self._known = dict.fromkeys((key_id.decode() for key_id in found), now) | kept

    async def _follow(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL)
