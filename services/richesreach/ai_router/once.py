"""A request with an `Idempotency-Key` is done once, whole or as a stream, and told as often as it is sent."""

from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.types import Scope

from richesreach.ai_router import tenants
from richesreach.ai_router.answers.streams import Assembly
from richesreach.ai_router.idempotency import HEADER, Claim, Idempotency, Told
from richesreach.ai_router.model import Caller, Usage
from richesreach.ai_router.providers.provider import Chunk
from richesreach.ai_router.streamed import Headers, Replayed, Streaming

_AGAIN = (b"x-richesreach-replayed", b"true")


def key_of(scope: Scope) -> str | None:
    """The header's value; the first where it is there twice."""
    for name, value in scope["headers"]:
        if name == HEADER:
            found: str = value.decode("latin-1")
            return found
    return None


class Once:
    """`whole` and `stream` do the work that they are given, or tell what came of it before.

    Raises Problem as `Idempotency.begin` does, and whatever the work raises; then nothing is remembered.
    """

    def __init__(self, idempotency: Idempotency) -> None:
        self._idempotency = idempotency

    async def whole(
        self,
        caller: Caller,
        key: str,
        path: str,
        body: bytes,
        work: Callable[[], Awaitable[tuple[bytes, Headers]]],
    ) -> tuple[bytes, Headers]:
        found = await self._idempotency.begin(tenants.key_of(caller), key, body, path=path)
        if isinstance(found, Told):
            return found.body, (*found.headers, _AGAIN)
        try:
            answer, headers = await work()
            await found.end(Told(200, list(headers), answer))
        finally:
            await found.abandon()
        return answer, headers

    async def stream(
        self,
        caller: Caller,
        key: str,
        path: str,
        body: bytes,
        usage: bool,
        work: Callable[[], Awaitable[Streaming]],
    ) -> Streaming:
        found = await self._idempotency.begin(tenants.key_of(caller), key, body, path=path)
        if isinstance(found, Told):
            return Replayed(found.body, (*found.headers, _AGAIN), usage=usage)
        try:
            return Remembered(await work(), found)
        except BaseException:
            await found.abandon()
            raise


class Remembered:
    """A stream whose end is remembered; one that breaks, or whose caller leaves, may be tried again."""

    __slots__ = ("_claim", "_streaming")

    def __init__(self, streaming: Streaming, claim: Claim) -> None:
        self._streaming = streaming
        self._claim = claim

    def headers(self) -> Headers:
        return self._streaming.headers()

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        assembly = Assembly()
        usage: Usage | None = None
        async for chunk in self._streaming:
            assembly.add(chunk.data)
            usage = chunk.usage or usage
            yield chunk
        body = assembly.body(usage)
        if body is not None:
            await self._claim.end(Told(200, list(self.headers()), body, streamed=True))

    async def aclose(self) -> None:
        await self._claim.abandon()
        await self._streaming.aclose()
