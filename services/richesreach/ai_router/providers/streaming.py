"""How every provider's stream is read: a piece when it is asked for, and failures with what has begun."""

import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping

from yarl import URL

from richesreach.ai_router.model import Failure, ProviderError, Usage
from richesreach.ai_router.providers.connections import Connections, Reply
from richesreach.ai_router.providers.provider import Call, Chunk
from richesreach.ai_router.providers.refusals import refusal

# Characters of a token, as a rule of thumb for providers that do not count.
CHARACTERS = 4


def estimated(characters: int) -> Usage:
    """Where the provider counted nothing; the input is the caller's own count."""
    return Usage(0, max(1, -(-characters // CHARACTERS)), estimated=True)


class Streaming(ABC):
    """What has come of one stream. `done` once the provider has said its last."""

    def __init__(self, provider: str, call: Call) -> None:
        self.provider = provider
        self.secret = call.credential.secret
        self.tells_usage = call.request.tells_usage
        self.characters = 0
        self.done = False
        self._began = False
        self._deadline = time.monotonic() + call.timeout

    @abstractmethod
    def feed(self, piece: bytes) -> bytes:
        """The events that a piece makes for the caller. Raises ProviderError."""

    @abstractmethod
    def end(self) -> tuple[bytes, Usage]:
        """The last events and the usage. Raises ProviderError TRUNCATED where the stream has not ended."""

    async def read(
        self, connections: Connections, url: URL, headers: Mapping[str, str], body: bytes
    ) -> AsyncGenerator[Chunk, None]:
        """Raises ProviderError, with `began` once a chunk was given."""
        seconds = self._deadline - time.monotonic()
        async with connections.post(self.provider, url, headers, body, seconds) as reply:
            if reply.status != 200:
                raise await refusal(reply, self.provider, self.secret)
            try:
                while not self.done and (piece := await self._some(reply)):
                    before = self.characters
                    if data := self.feed(piece):
                        self._began = True
                        yield Chunk(data, self.characters - before)
                before = self.characters
                data, usage = self.end()
            except ProviderError as error:
                error.began = self._began
                raise
            if self.done:
                await reply.finish()
            yield Chunk(data, self.characters - before, usage)

    async def _some(self, reply: Reply) -> bytes:
        if self._began:
            return await reply.some()
        return await reply.some(max(0.0, self._deadline - time.monotonic()))

    def error(self, failure: Failure, detail: str) -> ProviderError:
        return ProviderError(failure, self.provider, detail)

    def truncated(self) -> ProviderError:
        return self.error(Failure.TRUNCATED, "the stream ended too early")

    def malformed(self) -> ProviderError:
        return self.error(Failure.MALFORMED, "an event of the stream is not what its API says")
