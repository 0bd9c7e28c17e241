"""One connection to a cache's server for calls that every request makes (RESP2).

redis-py takes a connection out of a pool for each call, waits until it is written and reads it as a stream:
about ten times the work. Here calls follow each other on one connection, as many at a time as there are.
"""

import asyncio
import ssl
from collections import deque
from typing import Any, cast

import hiredis
from redis.exceptions import AuthenticationError, NoScriptError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import ConnectionError as CacheConnectionError
from redis.exceptions import TimeoutError as CacheTimeoutError

from richesreach.core.settings import CacheLogin, Endpoint

# By the first word of the server's answer; a server that is still loading is none yet.
_ERRORS: dict[str, type[RedisError]] = {
    "READONLY": ReadOnlyError,
    "NOSCRIPT": NoScriptError,
    "NOAUTH": AuthenticationError,
    "WRONGPASS": AuthenticationError,
    "LOADING": CacheConnectionError,
}


def _error(text: str) -> RedisError:
    return _ERRORS.get(text.partition(" ")[0], ResponseError)(text)


class Wire:
    """Connects with the first call, and anew after the connection broke. `patience` is in seconds.

    Calls raise RedisError or OSError as redis-py's do.
    """

    def __init__(self, endpoint: Endpoint, *, tls: bool, login: CacheLogin | None, patience: float) -> None:
        self._endpoint = endpoint
        self._tls = ssl.create_default_context() if tls else None
        self._login = login
        self._patience = patience
        self._line: _Line | None = None
        self._connecting = asyncio.Lock()

    async def evalsha(self, script: str, number: int, *keys_and_arguments: Any) -> Any:
        return await self.call("EVALSHA", script, number, *keys_and_arguments)

    async def eval(self, source: str, number: int, *keys_and_arguments: Any) -> Any:
        return await self.call("EVAL", source, number, *keys_and_arguments)

    async def call(self, *words: str | bytes | int) -> Any:
        """The server's answer to one command."""
        line = self._line
        if line is None or line.broken:
            async with self._connecting:
                line = self._line
                if line is None or line.broken:
                    line = self._line = await self._connect()
        return await line.call(words, self._patience)

    def close(self) -> None:
        if self._line is not None:
            self._line.close()

    async def _connect(self) -> "_Line":
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._patience):
                _, line = await loop.create_connection(
                    _Line, self._endpoint.host, self._endpoint.port, ssl=self._tls
                )
        except TimeoutError:
            raise CacheTimeoutError(f"no connection to {self._endpoint}") from None
        if self._login is not None:
            try:
                await line.call(("AUTH", self._login.user, self._login.password.reveal()), self._patience)
            except BaseException:
                line.close()
                raise
        return line


class _Line(asyncio.Protocol):
    """A connection as long as it lasts. Answers come in the order of the calls."""

    def __init__(self) -> None:
        self.broken = False
        self._transport: asyncio.Transport | None = None
        self._reader = hiredis.Reader(protocolError=CacheConnectionError, replyError=_error)
        self._calls: deque[asyncio.Future[Any]] = deque()

    async def call(self, words: tuple[Any, ...], patience: float) -> Any:
        if self._transport is None:
            raise CacheConnectionError("the connection is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._calls.append(future)
        self._transport.write(hiredis.pack_command(words))
        timer = loop.call_later(patience, self._late, future)
        try:
            return await future
        finally:
            timer.cancel()

    def close(self) -> None:
        self._end(CacheConnectionError("the connection is closed"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport, though they are all that one is.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while self._calls and (answer := self._reader.gets()) is not False:
                future = self._calls.popleft()
                if future.done():  # its caller gave up
                    continue
                if isinstance(answer, RedisError):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
        except CacheConnectionError as error:  # what came is no answer of such a server
            self._end(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(CacheConnectionError(f"the connection is lost: {exc or 'closed by the server'}"))

    def _late(self, future: "asyncio.Future[Any]") -> None:
        if not future.done():
            self._end(CacheTimeoutError("no answer in time"))

    def _end(self, error: RedisError) -> None:
        self.broken = True
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        while self._calls:
            future = self._calls.popleft()
            if not future.done():
                future.set_exception(error)
