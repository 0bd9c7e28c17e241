"""The servers of one data set, asked in turn: whichever of them answers does the work."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as CacheConnectionError
from redis.exceptions import ReadOnlyError, RedisError
from redis.exceptions import TimeoutError as CacheTimeoutError
from redis.maint_notifications import MaintNotificationsConfig

from richesreach.core.cache.wire import Wire
from richesreach.core.database import describe
from richesreach.core.logs import logger
from richesreach.core.settings import CacheLogin, Endpoint

# Seconds.
SOCKET_TIMEOUT = 0.5
COOL_DOWN = 1.0

_UNREACHABLE = (CacheConnectionError, CacheTimeoutError, OSError)

Answer = TypeVar("Answer")


class CacheUnavailableError(Exception):
    """No node could do the work now. Callers of the cache never see it: to them it is a miss."""


class _PassedOverError(Exception):
    """The node turned out not to answer while another was asked."""


class CacheNode:
    """One server, and for how long not to ask it: at all, or for writes."""

    def __init__(self, endpoint: Endpoint, *, tls: bool, login: CacheLogin | None = None) -> None:
        self.endpoint = endpoint
        self.unreachable_until = 0.0
        self.read_only_until = 0.0
        self.down = False
        # For channels: what it takes for silence may be a stall of this process.
        self.client = Redis(
            host=endpoint.host,
            port=endpoint.port,
            ssl=tls,
            username=login.user if login else None,
            password=login.password.reveal() if login else None,
            socket_timeout=SOCKET_TIMEOUT,
            socket_connect_timeout=SOCKET_TIMEOUT,
            # Who listens begins anew himself.
            retry=Retry(NoBackoff(), 0),
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        # The next node is the retry: waiting for a dead one would slow every request.
        self.wire = Wire(endpoint, tls=tls, login=login, patience=SOCKET_TIMEOUT)
        # Some are large: what every request asks shall not wait behind one.
        self.values = Wire(endpoint, tls=tls, login=login, patience=SOCKET_TIMEOUT)

    async def role(self) -> str:
        """`primary` or `replica`, as the server itself says. Raises RedisError or OSError."""
        replication: bytes = await self.values.call("INFO", "replication")
        return "primary" if b"\nrole:master" in replication else "replica"


class Nodes:
    """`reads` and `writes` are in the order in which each prefers the nodes.

    A node that is unreachable, or answers READONLY to a write, is passed over for one second and tried again.
    """

    def __init__(
        self,
        name: str,
        reads: Sequence[Endpoint],
        writes: Sequence[Endpoint],
        *,
        tls: bool,
        login: CacheLogin | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        nodes = {endpoint: CacheNode(endpoint, tls=tls, login=login) for endpoint in [*reads, *writes]}
        self.name = name
        self.all = list(nodes.values())
        self._reads = [nodes[endpoint] for endpoint in dict.fromkeys(reads)]
        self._writes = [nodes[endpoint] for endpoint in dict.fromkeys(writes)]
        self._clock = clock

    async def read_value(self, ask: Callable[[Wire], Awaitable[Answer]]) -> Answer:
        """What the first node that can answer says. Raises CacheUnavailableError."""
        return await self._soonest(self._reads, ask)

    async def write_value(self, ask: Callable[[Wire], Awaitable[Answer]]) -> Answer:
        """As `read_value`, of the first node that takes writes."""
        return await self._soonest(self._writes, ask)

    async def write_directly(self, ask: Callable[[Wire], Awaitable[Answer]]) -> Answer:
        """As `write_value`, on the connection for what every request asks."""
        return await self._first(self._writes, lambda node: ask(node.wire))

    def ready(self) -> Wire | None:
        """The connection on which `write_directly` would ask first, where no more is to be said of the node.

        What goes wrong on it is to be told to `write_directly`.
        """
        for node in self._writes:
            if self._worth(node, writing=True):
                return None if node.down else node.wire
        return None

    def usable(self, *, writing: bool) -> list[CacheNode]:
        """The nodes worth asking now, best first."""
        return [node for node in (self._writes if writing else self._reads) if self._worth(node, writing)]

    def lost(self, node: CacheNode, error: BaseException) -> None:
        """Pass the node over for a while. Said once: it is found down again every second."""
        node.unreachable_until = self._clock() + COOL_DOWN
        tell = logger().debug if node.down else logger().warning
        tell("cache_node_unreachable", cache=self.name, node=str(node.endpoint), error=describe(error))
        node.down = True

    def found(self, node: CacheNode) -> None:
        """The node answers."""
        node.unreachable_until = 0.0
        if node.down:
            node.down = False
            logger().info("cache_node_back", cache=self.name, node=str(node.endpoint))

    async def close(self) -> None:
        for node in self.all:
            node.wire.close()
            node.values.close()
        await asyncio.gather(*(node.client.aclose() for node in self.all), return_exceptions=True)

    def _worth(self, node: CacheNode, writing: bool) -> bool:
        now = self._clock()
        return now >= node.unreachable_until and not (writing and now < node.read_only_until)

    async def _soonest(self, nodes: list[CacheNode], ask: Callable[[Wire], Awaitable[Answer]]) -> Answer:
        """As `_first`, with nothing around the call as long as all is well."""
        writing = nodes is self._writes
        met: tuple[CacheNode, Exception] | None = None
        for node in nodes:
            if not self._worth(node, writing):
                continue
            if not node.down:
                try:
                    return await ask(node.values)
                except (RedisError, OSError) as error:
                    met = node, error
            break

        async def again(node: CacheNode) -> Answer:
            if met is not None and node is met[0]:
                raise met[1]
            return await ask(node.values)

        return await self._first(nodes, again)

    async def _first(self, nodes: list[CacheNode], ask: Callable[[CacheNode], Awaitable[Answer]]) -> Answer:
        writing = nodes is self._writes
        for node in self.usable(writing=writing):
            try:
                answer = await self._ask(node, writing, ask)
            except _PassedOverError:
                continue
            except ReadOnlyError:
                self.found(node)
                node.read_only_until = self._clock() + COOL_DOWN
                logger().warning("cache_node_read_only", cache=self.name, node=str(node.endpoint))
            except _UNREACHABLE as error:
                self.lost(node, error)
            except RedisError as error:
                self.found(node)
                logger().warning(
                    "cache_refused", cache=self.name, node=str(node.endpoint), error=describe(error)
                )
            else:
                self.found(node)
                return answer
        raise CacheUnavailableError(f"{self.name}: no node answers")

    async def _ask(
        self, node: CacheNode, writing: bool, ask: Callable[[CacheNode], Awaitable[Answer]]
    ) -> Answer:
        """Raises _PassedOverError, RedisError or OSError."""
        if not self._worth(node, writing):
            raise _PassedOverError
        if node.down:
            # One caller finds out whether it is back; the others need not wait for that.
            node.unreachable_until = self._clock() + COOL_DOWN
        return await ask(node)
