"""The one HTTP client of a process: to every provider, and to nowhere else.

It follows no redirect, keeps no cookie, takes nothing compressed and nothing without end, and resolves a name
only to addresses where a provider may be.
"""

import asyncio
import functools
import re
import ssl
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from types import TracebackType

import msgspec
from yarl import URL

from richesreach.ai_router.model import Failure, ProviderError
from richesreach.ai_router.providers.pipe import Pipe
from richesreach.ai_router.providers.resolving import PublicResolver
from richesreach.core.resilience.alarm import Alarms, Limit

# Bytes. Of an answer as a whole, and of what a refusal says.
MOST_ANSWER = 32 * 1024 * 1024
MOST_REFUSAL = 64 * 1024
# Seconds that a connection without requests is kept, less than providers keep theirs; and that the end of a
# stream which has said its last is waited for, so that its connection can serve again.
KEEP_ALIVE = 15.0
TAIL = 0.1
_FORBIDDEN = re.compile("[\r\n\0]")
_ALARMS = Alarms()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds, until a connection stands and between two reads; how many connections at a time."""

    connect: float = 3.0
    silence: float = 30.0
    connections: int = 1000


class Whole(msgspec.Struct, frozen=True, gc=False):
    """An answer that has come to its end. Headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Reply:
    """What a provider answers, as it comes."""

    __slots__ = ("_pipe", "_silence", "status")

    def __init__(self, pipe: Pipe, silence: float) -> None:
        self._pipe = pipe
        self._silence = silence
        self.status = pipe.status

    def header(self, name: str) -> str | None:
        return self._pipe.headers.get(name)

    async def body(self, most: int = MOST_ANSWER) -> bytes:
        """All of it. Raises ProviderError MALFORMED for more than `most`, TRUNCATED for an end too early."""
        with within(self._pipe.provider, self._silence):
            return await _all_of(self._pipe, most)

    async def some(self, seconds: float | None = None) -> bytes:
        """What has come since, within `seconds`; nothing at the end. Raises ProviderError."""
        with within(self._pipe.provider, self._silence if seconds is None else seconds):
            return await self._pipe.some()

    async def finish(self) -> None:
        """The answer has said all that is wanted: leave its connection to the next request."""
        if not self._pipe.over:
            with suppress(ProviderError):
                await self.some(TAIL)


class Connections:
    """Opened with the first request, so that it belongs to the loop that serves."""

    def __init__(self, patience: Patience, *, private: bool = False) -> None:
        self._patience = patience
        self._resolver = PublicResolver(private=private)
        self._idle: dict[tuple[str, str, int], deque[Pipe]] = {}
        self._places = asyncio.Semaphore(patience.connections)

    @asynccontextmanager
    async def post(
        self, provider: str, url: URL, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> AsyncIterator[Reply]:
        """The reply once its head has come, within `seconds`. Raises ProviderError."""
        request = _request(provider, url, headers, body)
        with within(provider, seconds):
            await self._places.acquire()
            try:
                pipe = await self._pipe(provider, url)
            except BaseException:
                self._places.release()
                raise
            try:
                pipe.send(request)
                await pipe.head()
            except BaseException:
                self._done(pipe, url)
                self._places.release()
                raise
        try:
            yield Reply(pipe, self._patience.silence)
        finally:
            self._done(pipe, url)
            self._places.release()

    async def whole(
        self, provider: str, url: URL, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Whole:
        """Status, headers and all of the body within `seconds`. Raises ProviderError."""
        request = _request(provider, url, headers, body)
        with within(provider, seconds):
            await self._places.acquire()
            try:
                pipe = await self._pipe(provider, url)
                try:
                    pipe.send(request)
                    await pipe.head()
                    most = MOST_ANSWER if pipe.status == 200 else MOST_REFUSAL
                    return Whole(pipe.status, pipe.headers, await _all_of(pipe, most))
                finally:
                    self._done(pipe, url)
            finally:
                self._places.release()

    async def close(self) -> None:
        for pipes in self._idle.values():
            for pipe in pipes:
                pipe.transport.abort()
        self._idle.clear()

    async def _pipe(self, provider: str, url: URL) -> Pipe:
        """A connection without a request: one that was used before, or a new one."""
        loop = asyncio.get_running_loop()
        idle = self._idle.get(_place(url))
        while idle:
            pipe = idle.pop()
            if pipe.usable and loop.time() - pipe.idle_since < KEEP_ALIVE:
                pipe.provider = provider
                return pipe
            pipe.transport.abort()
        try:
            async with asyncio.timeout(self._patience.connect):
                return await self._connected(provider, url, loop)
        except TimeoutError:
            detail = "no connection stood in time"
            raise ProviderError(Failure.UNREACHABLE, provider, detail) from None
        except OSError as error:  # names, addresses and certificates, too; its text repeats the address
            detail = f"no connection: {type(error).__name__}"
            raise ProviderError(Failure.UNREACHABLE, provider, detail) from None

    async def _connected(self, provider: str, url: URL, loop: asyncio.AbstractEventLoop) -> Pipe:
        host, port = url.host or "", url.port or 443
        context = _tls() if url.scheme == "https" else None
        name = host if context is not None else None
        failed: OSError = OSError("the name has no address")
        for address in [host] if _literal(host) else await self._resolver.addresses(host, port):
            try:
                _, pipe = await loop.create_connection(
                    lambda: Pipe(provider, loop), address, port, ssl=context, server_hostname=name
                )
            except OSError as error:
                failed = error
            else:
                return pipe
        raise failed

    def _done(self, pipe: Pipe, url: URL) -> None:
        if pipe.release():
            pipe.idle_since = asyncio.get_running_loop().time()
            self._idle.setdefault(_place(url), deque()).append(pipe)


class within(Limit):  # noqa: N801 (used as a function)
    """A time-out whose end is a ProviderError."""

    __slots__ = ("_provider",)

    def __init__(self, provider: str, seconds: float) -> None:
        super().__init__(_ALARMS, seconds)
        self._provider = provider

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if not self.rang:
            self.stop()
            return
        try:
            super().__exit__(kind, error, where)
        except TimeoutError:
            raise ProviderError(Failure.TIMEOUT, self._provider, "no answer came in time") from None


async def _all_of(pipe: Pipe, most: int) -> bytes:
    data = await pipe.some()
    if pipe.over and len(data) <= most:
        return data
    found = bytearray(data)
    while data and len(found) <= most:
        data = await pipe.some()
        found += data
    if len(found) > most:
        raise ProviderError(Failure.MALFORMED, pipe.provider, f"the answer is larger than {most} bytes")
    return bytes(found)


@functools.lru_cache(maxsize=1024)
def _place(url: URL) -> tuple[str, str, int]:
    return url.scheme, url.host or "", url.port or 443


@functools.lru_cache(maxsize=1024)
def _line(url: URL) -> str:
    return (
        f"POST {url.raw_path_qs} HTTP/1.1\r\nhost: {url.authority}\r\n"
        "user-agent: richesreach-ai-router\r\naccept-encoding: identity\r\n"
    )


@functools.lru_cache(maxsize=256)
def _literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@functools.lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _request(provider: str, url: URL, headers: Mapping[str, str], body: bytes) -> bytes:
    """Raises ProviderError for a header that would begin another."""
    lines = [_line(url)]
    for name, value in headers.items():
        if _FORBIDDEN.search(value):
            detail = f"the header {name} cannot be sent as it is"
            raise ProviderError(Failure.MALFORMED, provider, detail)
        lines.append(f"{name}: {value}\r\n")
    lines.append(f"content-length: {len(body)}\r\n\r\n")
    return "".join(lines).encode("latin-1", "replace") + body
