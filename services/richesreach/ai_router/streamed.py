"""Streams as they go out: live ones, of which a whole answer may be kept, and those told anew."""

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from richesreach.ai_router.answers.streams import Assembly, replay
from richesreach.ai_router.dispatching.streaming import Streamed
from richesreach.ai_router.model import Usage
from richesreach.ai_router.providers.provider import Chunk

Headers = tuple[tuple[bytes, bytes], ...]
# Gets a stream that came to its end, as a whole answer.
Keep = Callable[[bytes, Usage], None]


class Streaming(Protocol):
    """Events of one answer. Close it, read to its end or not."""

    def headers(self) -> Headers: ...

    def __aiter__(self) -> AsyncIterator[Chunk]: ...

    async def aclose(self) -> None: ...


class Live:
    """What a provider says now."""

    __slots__ = ("_headers", "_keep", "_streamed")

    def __init__(self, streamed: Streamed, headers: Headers, keep: Keep | None = None) -> None:
        self._streamed = streamed
        self._headers = headers
        self._keep = keep

    def headers(self) -> Headers:
        return self._headers

    def __aiter__(self) -> AsyncIterator[Chunk]:
        return self._streamed if self._keep is None else self._kept(self._keep)

    async def _kept(self, keep: Keep) -> AsyncIterator[Chunk]:
        assembly, usage = Assembly(), None
        async for chunk in self._streamed:
            assembly.add(chunk.data)
            usage = chunk.usage or usage
            yield chunk
        body = None if usage is None else assembly.body(usage)
        if body is not None and usage is not None:
            keep(body, usage)

    async def aclose(self) -> None:
        await self._streamed.aclose()


class Replayed:
    """An answer that was kept, told as the stream that it once was or could have been."""

    __slots__ = ("_body", "_headers", "_usage")

    def __init__(self, body: bytes, headers: Headers, *, usage: bool) -> None:
        self._body = body
        self._headers = headers
        self._usage = usage

    def headers(self) -> Headers:
        return self._headers

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        for data in replay(self._body, usage=self._usage):
            yield Chunk(data)

    async def aclose(self) -> None:
        """Nothing is open."""
