"""Postgres through asyncpg: a writer and a reader pool over several hosts.

The pools open without a database and follow the writer when it moves to another host: connections that
turn out to be dead or read-only are dropped, the hosts are asked again, and the work is done once more.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from richesreach.core.freshness import has_written, note_write
from richesreach.core.logs import logger
from richesreach.core.settings import DatabaseAddress, Endpoint, Secret, Settings

# asyncpg is generic in its stubs alone.
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
OwnedConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Result = TypeVar("Result")

# Seconds. A connection to the far side of the world takes about seven round trips of 0.25 s with TLS.
CONNECT_TIMEOUT = 3.0
ACQUIRE_TIMEOUT = 10.0
COMMAND_TIMEOUT = 5.0
HOME_PROBE_INTERVAL = 15.0

# What a connection raises when its server died, is stopping or starting, or stopped being the writer.
_MOVED = (
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    OSError,
)
# What makes one host useless for a new connection, while another may serve.
_NEXT_HOST = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.TargetServerAttributeNotMatched, OSError)


class DatabaseUnavailableError(Exception):
    """No host of the pool could do the work now; it is worth trying again later."""


class Pool:
    """Connections to whichever of the address's hosts serves; the one that served last is asked first."""

    def __init__(
        self, name: str, address: DatabaseAddress, user: str, password: Secret, *, connections: int = 10
    ) -> None:
        self.name = name
        self._connections = connections
        self.address = address
        self._user = user
        self._password = password
        self._preferred = address.hosts[0]
        self._probe: asyncio.Task[None] | None = None
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def open(self) -> None:
        """Needs no server: with a minimum of zero, connections are made when work asks for them."""
        self._pool = await asyncpg.create_pool(
            min_size=0,
            max_size=self._connections,
            command_timeout=COMMAND_TIMEOUT,
            connect=self._for_pool,
            # Nothing here changes session state, and the default reset is one more round trip to the writer.
            reset=_keep_session,
        )

    async def close(self) -> None:
        """Wait for work in progress, then close; a server that does not answer is not waited for."""
        if self._probe is not None:
            self._probe.cancel()
        if self._pool is None:
            return
        try:
            await asyncio.wait_for(self._pool.close(), COMMAND_TIMEOUT)
        except (TimeoutError, asyncpg.InterfaceError):
            self._pool.terminate()

    @property
    def size(self) -> int:
        return self._pool.get_size() if self._pool is not None else 0

    async def run(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Do `work` on a connection; once more on a new one when the server has moved.

        `work` may be done twice although its first try took effect: it must be idempotent.
        Raises DatabaseUnavailableError.
        """
        try:
            return await self._attempt(work)
        except TimeoutError as error:  # the caller has waited long enough already
            raise DatabaseUnavailableError(f"{self.name}: timed out") from error
        except _MOVED as error:
            logger().warning("database_moved", pool=self.name, error=describe(error))
        try:
            return await self._attempt(work)
        except _MOVED as error:
            raise DatabaseUnavailableError(f"{self.name}: {describe(error)}") from error

    async def _attempt(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        if self._pool is None:
            raise DatabaseUnavailableError(f"{self.name}: the pool is not open")
        try:
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection:
                try:
                    return await work(connection)
                except asyncpg.InterfaceError as error:
                    if connection.is_closed():
                        raise asyncpg.ConnectionDoesNotExistError(str(error)) from error
                    raise
        except _MOVED:  # a TimeoutError too: it is an OSError
            await self._pool.expire_connections()
            raise

    async def _for_pool(self, dsn: str | None = None, **options: Any) -> OwnedConnection:
        """asyncpg hands its pool's own DSN over, which is None: the hosts are in the address."""
        return await self.connect(**options)

    async def connect(self, **options: Any) -> OwnedConnection:
        """A new connection to the first host that serves; raises DatabaseUnavailableError when none does.

        asyncpg could take all hosts at once, but without a time-out for each.
        """
        errors = []
        for host in sorted(self.address.hosts, key=lambda host: host != self._preferred):
            try:
                connection = await self._connect_to(host, **options)
            except _NEXT_HOST as error:
                errors.append(f"{host} {describe(error)}")
            else:
                self._prefer(host)
                return connection
        raise DatabaseUnavailableError(f"{self.name}: no host serves: {'; '.join(errors)}")

    async def _connect_to(self, host: Endpoint, **options: Any) -> OwnedConnection:
        """One connection to one host; TargetServerAttributeNotMatched when that has another role."""
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return await asyncpg.connect(
                self.address.single_host(host),
                user=self._user,
                password=self._password.reveal(),
                **options,
            )

    def _prefer(self, host: Endpoint) -> None:
        if host == self._preferred:
            return
        logger().info("database_host_changed", pool=self.name, host=str(host), before=str(self._preferred))
        self._preferred = host
        away = host != self.address.hosts[0] and self.address.session_attributes == "any"
        if away and (self._probe is None or self._probe.done()):
            self._probe = asyncio.create_task(self._return_home(), name=f"{self.name}-return-home")

    async def _return_home(self) -> None:
        """Readers prefer their own region's host: leave the distant one as soon as that answers again."""
        home = self.address.hosts[0]
        while self._preferred != home:
            await asyncio.sleep(HOME_PROBE_INTERVAL)
            with contextlib.suppress(*_NEXT_HOST):
                await (await self._connect_to(home)).close()
                self._prefer(home)
                if self._pool is not None:
                    await self._pool.expire_connections()


class Database:
    """The writer, wherever it is, and the nearest reader."""

    def __init__(self, settings: Settings) -> None:
        credentials = (settings.database_user, settings.database_password)
        size = settings.database_connections
        self.writer = Pool("writer", settings.database_writer, *credentials, connections=size)
        self.reader = Pool("reader", settings.database_reader, *credentials, connections=size)

    async def write(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Do idempotent `work` at the writer, so that its caller's next reads see it. As `Pool.run`."""
        result = await self.writer.run(work)
        note_write()
        return result

    async def read(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Do `work` at the nearest reader, or at the writer for a caller that has just written.

        Without a writer such a caller sees what the reader has: old data before none. As `Pool.run`.
        """
        if has_written():
            try:
                return await self.writer.run(work)
            except DatabaseUnavailableError as error:
                logger().warning("read_without_own_writes", error=str(error))
        return await self.reader.run(work)

    async def open(self) -> None:
        await self.writer.open()
        await self.reader.open()

    async def close(self) -> None:
        await asyncio.gather(self.writer.close(), self.reader.close())


async def _keep_session(_connection: Any) -> None:
    return None


def describe(error: BaseException) -> str:
    """An error in one line: its kind and its text."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
