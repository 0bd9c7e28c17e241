"""The cache: an accelerator, never a dependency. Its failures are misses, logged and counted, not errors."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as CacheConnectionError
from redis.exceptions import ReadOnlyError, RedisError
from redis.exceptions import TimeoutError as CacheTimeoutError
from redis.maint_notifications import MaintNotificationsConfig

from richesreach.core.database import describe
from richesreach.core.logs import logger
from richesreach.core.settings import CacheLogin, Endpoint

# Seconds.
SOCKET_TIMEOUT = 0.5
COOL_DOWN = 1.0

_UNREACHABLE = (CacheConnectionError, CacheTimeoutError, OSError)


class CacheNode:
    """One server, and for how long not to ask it: at all, or for writes."""

    def __init__(self, endpoint: Endpoint, *, tls: bool, login: CacheLogin | None = None) -> None:
        self.endpoint = endpoint
        self.unreachable_until = 0.0
        self.read_only_until = 0.0
        self.client = Redis(
            host=endpoint.host,
            port=endpoint.port,
            ssl=tls,
            username=login.user if login else None,
            password=login.password.reveal() if login else None,
            socket_timeout=SOCKET_TIMEOUT,
            socket_connect_timeout=SOCKET_TIMEOUT,
            # The next node is the retry: waiting for a dead one would slow every request.
            retry=Retry(NoBackoff(), 0),
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )

    async def role(self) -> str:
        """`primary` or `replica`, as the server itself says. Raises RedisError or OSError."""
        replication = await self.client.info("replication")
        return "primary" if replication["role"] == "master" else "replica"


class Cache:
    """JSON values over a few nodes of one data set.

    `nodes` are in the order in which reads prefer them; `write_order` likewise for writes. A node that is
    unreachable, or answers READONLY to a write, is passed over for one second and then tried again.
    """

    def __init__(
        self,
        name: str,
        reads: list[Endpoint],
        writes: list[Endpoint],
        *,
        tls: bool,
        login: CacheLogin | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        nodes = {endpoint: CacheNode(endpoint, tls=tls, login=login) for endpoint in [*reads, *writes]}
        self.name = name
        self.nodes = list(nodes.values())
        self._reads = [nodes[endpoint] for endpoint in dict.fromkeys(reads)]
        self._writes = [nodes[endpoint] for endpoint in dict.fromkeys(writes)]
        self._clock = clock
        self._hits = 0
        self._misses = 0

    @property
    def hit_ratio(self) -> float:
        total = self._hits + self._misses
        return self._hits / total if total else 0.0

    async def get(self, key: str) -> Any | None:
        """The value, or None when it is absent, unreadable, or no node answers."""
        raw = await self._first(self._reads, "get", key)
        value = None
        if raw is not None:
            try:
                value = msgspec.json.decode(raw)
            except msgspec.DecodeError:
                logger().warning("cache_value_unreadable", cache=self.name, key=key)
        self._hits += value is not None
        self._misses += value is None
        return value

    async def set(self, key: str, value: Any, *, ttl_seconds: int) -> bool:
        """Whether a node took the value. Raises TypeError for a value that JSON cannot hold."""
        encoded = msgspec.json.encode(value)
        return await self._first(self._writes, "set", key, encoded, ex=ttl_seconds) is not None

    async def delete(self, key: str) -> bool:
        """Whether a node took the command."""
        return await self._first(self._writes, "delete", key) is not None

    async def close(self) -> None:
        await asyncio.gather(*(node.client.aclose() for node in self.nodes), return_exceptions=True)

    async def _first(self, nodes: list[CacheNode], command: str, *args: Any, **options: Any) -> Any | None:
        """The answer of the first node that can give one; None when there is none."""
        now = self._clock()
        for node in nodes:
            if now < node.unreachable_until or (nodes is self._writes and now < node.read_only_until):
                continue
            try:
                return await getattr(node.client, command)(*args, **options)
            except ReadOnlyError:
                node.read_only_until = self._clock() + COOL_DOWN
                logger().warning("cache_node_read_only", cache=self.name, node=str(node.endpoint))
            except _UNREACHABLE as error:
                node.unreachable_until = self._clock() + COOL_DOWN
                logger().warning(
                    "cache_node_unreachable", cache=self.name, node=str(node.endpoint), error=describe(error)
                )
            except RedisError as error:
                logger().warning(
                    "cache_refused", cache=self.name, node=str(node.endpoint), error=describe(error)
                )
        return None
