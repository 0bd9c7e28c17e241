"""An answer on its way from an origin, the cache or the edge itself to the viewer."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict

from ops.local.edge.forward import CHUNK, UpstreamError, end_to_end

HIT = "Hit from cloudfront"
REFRESHED = "RefreshHit from cloudfront"
MISS = "Miss from cloudfront"
ERROR = "Error from cloudfront"
FUNCTION = "FunctionGeneratedResponse from cloudfront"
LAMBDA = "LambdaGeneratedResponse from cloudfront"

BODILESS = frozenset((204, 304))


class Body(Protocol):
    """A body that is read once, and let go before its end or after."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None:
        """Read no further. No generator: one that was never started would not hear of it."""


class UpstreamBody:
    """What an upstream still has to send, within `completion` seconds where that is given."""

    def __init__(self, response: aiohttp.ClientResponse, completion: float | None) -> None:
        self._response = response
        self._chunks = response.content.iter_chunked(CHUNK)
        self._deadline = None if completion is None else asyncio.get_running_loop().time() + completion

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        async with asyncio.timeout_at(self._deadline):
            return await anext(self._chunks)

    async def aclose(self) -> None:
        """Close the connection, unless the body was read to its end."""
        self._response.close()


@dataclass
class Answer:
    """`body` is all of it, or a stream that is read once. `cache` is the value of x-cache."""

    status: int
    headers: CIMultiDict[str]
    body: bytes | Body = b""
    reason: str | None = None
    cache: str = MISS
    region: str = ""
    generated: bool = False
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def length(self) -> int | None:
        """Bytes of the body where that is known before it is read."""
        if isinstance(self.body, bytes):
            return len(self.body)
        given = self.headers.get(hdrs.CONTENT_LENGTH, "")
        return int(given) if given.isdigit() else None

    async def whole(self) -> bytes:
        """The body, read to its end. Raises UpstreamError when it breaks off."""
        if not isinstance(self.body, bytes):
            stream = self.body
            try:
                self.body = b"".join([chunk async for chunk in stream])
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise UpstreamError(502, f"the body broke off: {error}") from error
            finally:
                await stream.aclose()
        return self.body

    async def discard(self) -> None:
        """Read no further and let the connection go."""
        if not isinstance(self.body, bytes):
            await self.body.aclose()
            self.body = b""


def from_upstream(response: aiohttp.ClientResponse, completion: float | None = None) -> Answer:
    """An upstream's answer whose body is still to come, within `completion` seconds where that is given."""
    body = UpstreamBody(response, completion)
    return Answer(response.status, end_to_end(response.headers), body, response.reason)


async def deliver(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    """Send the answer to the viewer, streaming what is still to come."""
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=answer.headers)
    bodiless = request.method == hdrs.METH_HEAD or answer.status in BODILESS
    if isinstance(answer.body, bytes) and not bodiless:
        response.headers[hdrs.CONTENT_LENGTH] = str(len(answer.body))
    try:
        await response.prepare(request)
        if isinstance(answer.body, bytes):
            if not bodiless:
                await response.write(answer.body)
        elif not bodiless:
            async for chunk in answer.body:
                await response.write(chunk)
        await response.write_eof()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # The status line is out: all that is left is to cut the connection, so that no reader takes a part
        # of the body for the whole.
        if request.transport is not None:
            request.transport.abort()
        raise asyncio.CancelledError from error
    finally:
        await answer.discard()
    return response
