"""The one HTTP client of a process: to every provider, and to nowhere else.

It follows no redirect, keeps no cookie, takes nothing compressed and nothing without end, and resolves a name
only to addresses where a provider may be.
"""

import asyncio
import functools
import math
import re
import ssl
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from types import TracebackType
from typing import NamedTuple

import msgspec
from yarl import URL

from richesreach.ai_router.model import Failure, ProviderError
from richesreach.ai_router.providers.pipe import Pipe
from richesreach.ai_router.providers.resolving import PublicResolver
from richesreach.ai_router.providers.slots import Slots
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
_UNBOUNDED = nullcontext()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds, until a connection stands and between two reads; how many connections at a time."""

    connect: float = 3.0
    silence: float = 30.0
    connections: int = 1000


class Whole(msgspec.Struct, frozen=True, gc=False):
    """An answer that has come to its end. Names of headers are in lower case."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: str) -> str | None:
        return _header(self.headers, name)


class Reply:
    """What a provider answers, as it comes."""

    __slots__ = ("_pipe", "_silence", "status")

    def __init__(self, pipe: Pipe, silence: float) -> None:
        self._pipe = pipe
        self._silence = silence
        self.status = pipe.status

    def header(self, name: str) -> str | None:
        return _header(self._pipe.headers, name)

    async def body(self, most: int = MOST_ANSWER) -> bytes:
        """All of it. Raises ProviderError MALFORMED for more than `most`, TRUNCATED for an end too early."""
        with within(self._pipe.provider, self._silence):
            return _bounded(await _all_of(self._pipe, most), most, self._pipe.provider)

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
        self._slots = Slots(patience.connections)

    @asynccontextmanager
    async def post(
        self, provider: str, url: URL, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> AsyncIterator[Reply]:
        """The reply once its head has come, within `seconds`. Raises ProviderError."""
        way = _way(url)
        request = _request(provider, way, headers, body)
        with within(provider, seconds):
            if not self._slots.at_once():
                await self._slots.wait()
            try:
                pipe = self._kept(provider, way) or await self._new(provider, url)
            except BaseException:
                self._slots.leave()
                raise
            try:
                pipe.send(request)
                await pipe.head()
            except BaseException:
                self._done(pipe, way)
                raise
        try:
            yield Reply(pipe, self._patience.silence)
        finally:
            self._done(pipe, way)

    async def whole(
        self, provider: str, url: URL, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Whole:
        """Status, headers and all of the body within `seconds`, infinity for as long as its caller lets it.

        Raises ProviderError.
        """
        way = _way(url)
        request = _request(provider, way, headers, body)
        with _UNBOUNDED if seconds == math.inf else within(provider, seconds):
            if not self._slots.at_once():
                await self._slots.wait()
            try:
                pipe = self._kept(provider, way) or await self._new(provider, url)
            except BaseException:
                self._slots.leave()
                raise
            try:
                pipe.send(request)
                await pipe.head()
                most = MOST_ANSWER if pipe.status == 200 else MOST_REFUSAL
                found = pipe.taken() if pipe.complete else await _all_of(pipe, most)
                return Whole(pipe.status, pipe.headers, _bounded(found, most, provider))
            finally:
                self._done(pipe, way)

    async def close(self) -> None:
        for pipes in self._idle.values():
            for pipe in pipes:
                pipe.transport.abort()
        self._idle.clear()

    def _kept(self, provider: str, way: "_Way") -> Pipe | None:
        """A connection that was used before and has no request."""
        idle = self._idle.get(way.place)
        while idle:
            pipe = idle.pop()
            if pipe.lasts(KEEP_ALIVE):
                pipe.provider = provider
                return pipe
            pipe.transport.abort()
        return None

    async def _new(self, provider: str, url: URL) -> Pipe:
        """A new connection. Raises ProviderError."""
        try:
            async with asyncio.timeout(self._patience.connect):
                return await self._connected(provider, url, asyncio.get_running_loop())
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

    def _done(self, pipe: Pipe, way: "_Way") -> None:
        self._slots.leave()
        if pipe.release():
            idle = self._idle.get(way.place)
            if idle is None:
                idle = self._idle[way.place] = deque()
            idle.append(pipe)


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


def _header(headers: Sequence[tuple[bytes, bytes]], name: str) -> str | None:
    """The last of that name: most answers are never asked for one."""
    wanted = name.encode("latin-1")
    values = [value for key, value in headers if key == wanted]
    return values[-1].decode("latin-1") if values else None


async def _all_of(pipe: Pipe, most: int) -> bytes:
    """Until its end, or until it is more than `most`."""
    data = await pipe.some()
    if pipe.over:
        return data
    found = bytearray(data)
    while data and len(found) <= most:
        data = await pipe.some()
        found += data
    return bytes(found)


def _bounded(data: bytes, most: int, provider: str) -> bytes:
    if len(data) > most:
        raise ProviderError(Failure.MALFORMED, provider, f"the answer is larger than {most} bytes")
    return data


class _Way(NamedTuple):
    """Where requests to a URL go, and how they begin."""

    place: tuple[str, str, int]
    line: str


@functools.lru_cache(maxsize=1024)
def _way(url: URL) -> _Way:
    line = (
        f"POST {url.raw_path_qs} HTTP/1.1\r\nhost: {url.authority}\r\n"
        "user-agent: richesreach-ai-router\r\naccept-encoding: identity\r\n"
    )
    return _Way((url.scheme, url.host or "", url.port or 443), line)


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


def _request(provider: str, way: _Way, headers: Mapping[str, str], body: bytes) -> bytes:
    """Raises ProviderError for a header that would begin another."""
    lines = [way.line]
    for name, value in headers.items():
        if _FORBIDDEN.search(value):
            detail = f"the header {name} cannot be sent as it is"
            raise ProviderError(Failure.MALFORMED, provider, detail)
        lines.append(f"{name}: {value}\r\n")
    lines.append(f"content-length: {len(body)}\r\n\r\n")
    return "".join(lines).encode("latin-1", "replace") + body
