"""One connection to a cache's server for many calls at a time (RESP2).

redis-py takes a connection out of a pool for each call, waits until it is written and reads it as a stream:
about ten times the work. Here calls follow each other on one connection, as many at a time as there are.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Sequence
from typing import Any, Protocol, TypeAlias, cast

import hiredis
from redis.exceptions import AuthenticationError, NoScriptError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import ConnectionError as CacheConnectionError
from redis.exceptions import TimeoutError as CacheTimeoutError

from richesreach.core.cache.patience import Running, patient
from richesreach.core.settings import CacheLogin, Endpoint

# By the first word of the server's answer; a server that is still loading is none yet.
_ERRORS: dict[str, type[RedisError]] = {
    "READONLY": ReadOnlyError,
    "NOSCRIPT": NoScriptError,
    "NOAUTH": AuthenticationError,
    "WRONGPASS": AuthenticationError,
    "LOADING": CacheConnectionError,
}
# Texts, bytes and numbers.
Words: TypeAlias = tuple[Any, ...]


def _error(text: str) -> RedisError:
    return _ERRORS.get(text.partition(" ")[0], ResponseError)(text)


class Sink(Protocol):
    """Where an answer goes; a future is one."""

    def done(self) -> bool: ...
    def set_result(self, result: Any, /) -> None: ...
    def set_exception(self, error: Exception, /) -> None: ...


class Wire:
    """Connects with the first call, and anew after the connection broke. `patience` is in seconds in which
    this process runs.

    Calls raise RedisError or OSError as redis-py's do.
    """

    def __init__(self, endpoint: Endpoint, *, tls: bool, login: CacheLogin | None, patience: float) -> None:
        self._endpoint = endpoint
        self._tls = ssl.create_default_context() if tls else None
        self._login = login
        self._patience = patience
        self._line: _Line | None = None
        self._connecting: asyncio.Task[_Line] | None = None

    async def evalsha(self, script: str, number: int, *keys_and_arguments: Any) -> Any:
        return await self.call("EVALSHA", script, number, *keys_and_arguments)

    async def eval(self, source: str, number: int, *keys_and_arguments: Any) -> Any:
        return await self.call("EVAL", source, number, *keys_and_arguments)

    def call(self, *words: Any) -> Awaitable[Any]:
        """The server's answer to one command, which is sent at once where there is a connection."""
        return self.ask(hiredis.pack_command(words))

    def ask(self, packed: bytes) -> Awaitable[Any]:
        """As `call`, of a command as bytes."""
        line = self._line
        if line is None or line.broken:
            return self._ask_anew(packed)
        return line.ask(packed)

    async def pipeline(self, commands: Sequence[Words]) -> list[Any]:
        """The answers to several commands in their order; raises the first that is an error."""
        line = self._line
        if line is None or line.broken:
            line = await self._connected()
        answers = await asyncio.gather(*line.calls(commands), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return answers

    def send(self, words: Words, sink: Sink) -> bool:
        """Send a command whose answer, or error, goes to `sink` later; False without a connection."""
        line = self._line
        if line is None or line.broken:
            return False
        line.send(words, sink)
        return True

    def close(self) -> None:
        if self._connecting is not None:
            self._connecting.add_done_callback(_closed)
        if self._line is not None:
            self._line.close()

    async def _ask_anew(self, packed: bytes) -> Any:
        line = await self._connected()
        return await line.ask(packed)

    async def _connected(self) -> "_Line":
        """All who wait for the connection get it, or learn together that there is none."""
        attempt = self._connecting
        if attempt is None or attempt.get_loop() is not asyncio.get_running_loop():
            attempt = self._connecting = asyncio.create_task(self._connect(), name="cache-connection")
            attempt.add_done_callback(self._attempted)
        return await asyncio.shield(attempt)

    def _attempted(self, attempt: "asyncio.Task[_Line]") -> None:
        if self._connecting is attempt:
            self._connecting = None
        if not attempt.cancelled() and attempt.exception() is None:
            self._line = attempt.result()

    async def _connect(self) -> "_Line":
        loop = asyncio.get_running_loop()
        try:
            async with patient(self._patience):
                _, line = await loop.create_connection(
                    lambda: _Line(loop, self._patience),
                    self._endpoint.host,
                    self._endpoint.port,
                    ssl=self._tls,
                )
        except TimeoutError:
            raise CacheTimeoutError(f"no connection to {self._endpoint}") from None
        if self._login is not None:
            try:
                await line.call(("AUTH", self._login.user, self._login.password.reveal()))
            except BaseException:
                line.close()
                raise
        return line


def _closed(attempt: "asyncio.Task[_Line]") -> None:
    """Close what was still being made."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


class _Line(asyncio.Protocol):
    """A connection as long as it lasts. Answers come in the order of the calls."""

    def __init__(self, loop: asyncio.AbstractEventLoop, patience: float) -> None:
        self.broken = False
        self._loop = loop
        self._patience = patience
        self._transport: asyncio.Transport | None = None
        self._running = Running(loop, patience)
        self._reader = hiredis.Reader(protocolError=CacheConnectionError, replyError=_error)
        # With the running time at which each is late: in the order of the calls, as all wait equally long.
        self._calls: deque[tuple[Sink, float]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def call(self, words: Words) -> "asyncio.Future[Any]":
        return self.ask(hiredis.pack_command(words))

    def ask(self, packed: bytes) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any] = self._loop.create_future()
        self._send(packed, (future,))
        return future

    def calls(self, commands: Sequence[Words]) -> "list[asyncio.Future[Any]]":
        futures: list[asyncio.Future[Any]] = [self._loop.create_future() for _ in commands]
        self._send(b"".join(map(hiredis.pack_command, commands)), futures)
        return futures

    def send(self, words: Words, sink: Sink) -> None:
        self._send(hiredis.pack_command(words), [sink])

    def _send(self, packed: bytes, sinks: Sequence[Sink]) -> None:
        if self._transport is None:
            for sink in sinks:
                sink.set_exception(CacheConnectionError("the connection is closed"))
            return
        running = self._running
        if self._timer is None:
            running.resumed()
            self._timer = self._loop.call_later(running.step, self._look)
        # Of the step that is under way, nobody knows yet how much is over.
        late = running.seconds + self._patience + running.step
        self._calls.extend((sink, late) for sink in sinks)
        self._transport.write(packed)

    def close(self) -> None:
        self._end(CacheConnectionError("the connection is closed"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport, though they are all that one is.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while self._calls and (answer := self._reader.gets()) is not False:
                sink, _ = self._calls.popleft()
                if sink.done():  # its caller gave up
                    continue
                if isinstance(answer, RedisError):
                    sink.set_exception(answer)
                else:
                    sink.set_result(answer)
        except CacheConnectionError as error:  # what came is no answer of such a server
            self._end(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(CacheConnectionError(f"the connection is lost: {exc or 'closed by the server'}"))

    def _look(self) -> None:
        """Whether the oldest call is late; one timer for all of them."""
        self._timer = None
        if not self._calls:
            return
        if self._calls[0][1] <= self._running.moved():
            self._end(CacheTimeoutError("no answer in time"))
        else:
            self._timer = self._loop.call_later(self._running.step, self._look)

    def _end(self, error: RedisError) -> None:
        self.broken = True
        transport, self._transport = self._transport, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if transport is not None:
            transport.abort()
        while self._calls:
            sink, _ = self._calls.popleft()
            if not sink.done():
                sink.set_exception(error)
