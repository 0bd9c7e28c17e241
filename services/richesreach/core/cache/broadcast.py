"""Invalidations told to every process of the region, so that none keeps in its memory what is gone."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as CacheTimeoutError

from richesreach.core.cache.nodes import CacheNode, Nodes
from richesreach.core.cache.scripts import CHANNEL
from richesreach.core.ending import end
from richesreach.core.logs import logger

# Seconds.
PATIENCE = 1.0
# A server that says nothing is asked for a sign of life as often.
PING_INTERVAL = 10.0


class Gone(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is invalid: these keys, or whole kinds."""

    keys: list[str] = []
    kinds: list[str] = []


class Broadcast:
    """Listens on the servers' channel. While it does not, nothing that is kept can be believed for long."""

    def __init__(self, nodes: Nodes, told: Callable[[Gone], None], deaf: Callable[[], None]) -> None:
        self.listening = False
        self._nodes = nodes
        self._told = told
        self._deaf = deaf
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._task = asyncio.create_task(self._listen(), name=f"{self._nodes.name}-broadcast")

    async def close(self) -> None:
        task, self._task = self._task, None
        await end(task)

    async def _listen(self) -> None:
        while True:
            for node in self._nodes.usable(writing=True):
                try:
                    await self._follow(node)
                except CacheTimeoutError:
                    # It may be this process that was held up: callers find out about the server.
                    pass
                except (RedisError, OSError) as error:
                    self._nodes.lost(node, error)
                finally:
                    self._unheard()
            await asyncio.sleep(PATIENCE)

    async def _follow(self, node: CacheNode) -> None:
        """Until the connection breaks. Raises RedisError or OSError."""
        async with node.client.pubsub() as channel:
            await channel.subscribe(CHANNEL)
            await self._confirmed(channel)
            self._nodes.found(node)
            # What was said before is lost.
            self._deaf()
            self.listening = True
            while True:
                message = await channel.get_message(timeout=PING_INTERVAL)
                if message is None:
                    await channel.ping()
                    message = await channel.get_message(timeout=PATIENCE)
                    if message is None:
                        raise CacheTimeoutError("no answer to a ping on the channel")
                if message["type"] == "message":
                    self._hear(message["data"])

    async def _confirmed(self, channel: PubSub) -> None:
        """Until the server says that what is told from now on will be heard."""
        message = await channel.get_message(timeout=PATIENCE)
        if message is None or message["type"] != "subscribe":
            raise CacheTimeoutError("the subscription is not confirmed")

    def _hear(self, data: Any) -> None:
        try:
            gone = msgspec.json.decode(data, type=Gone)
        except msgspec.DecodeError:
            # From a version that says more: whatever it meant, nothing kept is sure.
            self._deaf()
        else:
            self._told(gone)

    def _unheard(self) -> None:
        if self.listening:
            self.listening = False
            logger().warning("cache_broadcast_lost", cache=self._nodes.name)
            self._deaf()
