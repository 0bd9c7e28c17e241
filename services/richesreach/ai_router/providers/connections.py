"""The one HTTP client of a process: to every provider, and to nowhere else.

It follows no redirect, keeps no cookie, takes nothing compressed and nothing without end, and resolves a name
only to addresses where a provider may be.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from richesreach.ai_router.model import Failure, ProviderError
from richesreach.ai_router.places import allowed_address

# Bytes. Of an answer as a whole, of what a refusal says, and of one event of a stream.
MOST_ANSWER = 32 * 1024 * 1024
MOST_REFUSAL = 64 * 1024
# Seconds that a connection without requests is kept, less than providers keep theirs; and that the end of a
# stream which has said its last is waited for, so that its connection can serve again.
KEEP_ALIVE = 15.0
TAIL = 0.1
# Bytes that are read ahead of a slow client.
AHEAD = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds, until a connection stands and between two reads; how many connections at a time."""

    connect: float = 3.0
    silence: float = 30.0
    connections: int = 1000


class PublicResolver(AbstractResolver):
    """Names that lead where no provider is are not known. `private` admits the networks of one's own."""

    def __init__(self, *, private: bool) -> None:
        self._private = private
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        admitted = [item for item in found if allowed_address(item["host"], private=self._private)]
        if not admitted:
            raise OSError(f"{host} leads to an address where no provider may be")
        return admitted

    async def close(self) -> None:
        await self._inner.close()


class Reply:
    """What a provider answers, as it comes."""

    __slots__ = ("_provider", "_response", "status")

    def __init__(self, provider: str, response: aiohttp.ClientResponse) -> None:
        self._provider = provider
        self._response = response
        self.status = response.status

    def header(self, name: str) -> str | None:
        return self._response.headers.get(name)

    async def body(self, most: int = MOST_ANSWER) -> bytes:
        """All of it. Raises ProviderError MALFORMED for more than `most`, TRUNCATED for an end too early."""
        announced = self._response.content_length
        if announced is not None and announced <= most:
            with translated(self._provider):
                return await self._response.read()
        found = bytearray()
        while data := await self.some():
            found += data
            if len(found) > most:
                raise ProviderError(
                    Failure.MALFORMED, self._provider, f"the answer is larger than {most} bytes"
                )
        return bytes(found)

    async def some(self, seconds: float | None = None) -> bytes:
        """What has come since, within `seconds`; nothing at the end. Raises ProviderError."""
        with translated(self._provider):
            if seconds is None:
                return await self._response.content.readany()
            async with asyncio.timeout(seconds):
                return await self._response.content.readany()

    async def finish(self) -> None:
        """The answer has said all that is wanted: leave its connection to the next request."""
        if not self._response.content.at_eof():
            with suppress(ProviderError):
                await self.some(TAIL)

    def close(self) -> None:
        """Cuts the connection unless the answer is complete."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer that has come to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connections:
    """Opened with the first request, so that it belongs to the loop that serves."""

    def __init__(self, patience: Patience, *, private: bool = False) -> None:
        self._patience = patience
        self._private = private
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def post(
        self, provider: str, url: URL, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> AsyncIterator[Reply]:
        """The reply once its head has come, within `seconds`. Raises ProviderError."""
        session = self._session or self._open()
        with translated(provider):
            async with asyncio.timeout(seconds):
                response = await session.post(url, headers=headers, data=body, allow_redirects=False)
        reply = Reply(provider, response)
        try:
            yield reply
        finally:
            reply.close()

    async def whole(
        self, provider: str, url: URL, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> "Whole":
        """Status, headers and all of the body within `seconds`. Raises ProviderError."""
        session = self._session or self._open()
        with translated(provider):
            async with asyncio.timeout(seconds):
                response = await session.post(url, headers=headers, data=body, allow_redirects=False)
                reply = Reply(provider, response)
                try:
                    most = MOST_ANSWER if reply.status == 200 else MOST_REFUSAL
                    return Whole(reply.status, response.headers, await reply.body(most))
                finally:
                    reply.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        patience = self._patience
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=patience.connections,
                keepalive_timeout=KEEP_ALIVE,
                resolver=PublicResolver(private=self._private),
                ttl_dns_cache=10,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=patience.connect, sock_read=patience.silence
            ),
            headers={"user-agent": "richesreach-ai-router", "accept-encoding": "identity"},
            auto_decompress=False,
            read_bufsize=AHEAD,
            raise_for_status=False,
            trust_env=False,
        )
        return self._session


class translated:  # noqa: N801 (used as a function)
    """Turns what the client raises into ProviderError; no text of it repeats an address or a header."""

    __slots__ = ("_provider",)

    def __init__(self, provider: str) -> None:
        self._provider = provider

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _where: object) -> None:
        if error is None or not isinstance(error, (aiohttp.ClientError, OSError, ValueError)):
            return
        failure, detail = _failure(error)
        raise ProviderError(failure, self._provider, detail) from error


def _failure(error: BaseException) -> tuple[Failure, str]:
    match error:
        case aiohttp.ConnectionTimeoutError():
            return Failure.UNREACHABLE, "no connection stood in time"
        case TimeoutError():
            return Failure.TIMEOUT, "no answer came in time"
        case aiohttp.ClientPayloadError():
            return Failure.TRUNCATED, "the answer ended too early"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientConnectionError() | OSError():
            return Failure.UNREACHABLE, f"no connection: {type(error).__name__}"
        case _:
            return Failure.MALFORMED, f"the answer is no HTTP: {type(error).__name__}"
