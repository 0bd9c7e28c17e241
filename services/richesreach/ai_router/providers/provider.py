"""What every provider is to the rest of the router.

`chat` and `embed` answer in OpenAI's shape whatever the provider speaks. `stream` is an async generator: the
next chunk is read when it is asked for, so that a slow client slows the provider down and nothing piles up,
and closing the generator cuts the connection to the provider. Every failure is a ProviderError.
"""

import math
from collections.abc import AsyncGenerator
from typing import Protocol

import msgspec

from richesreach.ai_router.model import Model, Usage
from richesreach.ai_router.providers.credentials import Credential
from richesreach.ai_router.wire.chat import ChatRequest
from richesreach.ai_router.wire.embeddings import EmbedRequest


class Call(msgspec.Struct, frozen=True, gc=False):
    """`timeout`: seconds until the whole answer, or until a stream's first chunk. `bounded`: whoever asks
    ends a whole answer by then.
    """

    model: Model
    credential: Credential
    request: ChatRequest
    timeout: float
    request_id: str
    bounded: bool = False


class EmbedCall(msgspec.Struct, frozen=True, gc=False):
    model: Model
    credential: Credential
    request: EmbedRequest
    timeout: float
    request_id: str
    bounded: bool = False


def own_time(call: Call | EmbedCall) -> float:
    """Seconds after which a provider ends a whole answer by itself."""
    return math.inf if call.bounded else call.timeout


class Answer(msgspec.Struct, frozen=True, gc=False):
    """`body` is a `chat.completion` in JSON."""

    body: bytes
    usage: Usage


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """A piece of a stream.

    `data` is whole server-sent events (`data: {…}` and an empty line, each a `chat.completion.chunk`), one or
    several that came together; it may be empty. `[DONE]` is not among them: the API's endpoint says it.
    `characters` counts what the model generated in it, for the estimate where a stream ends early. `usage`
    comes once, with the last chunk; with `estimated` its `input` is 0, and the caller's own count stands.
    """

    data: bytes
    characters: int = 0
    usage: Usage | None = None


class Embeddings(msgspec.Struct, frozen=True, gc=False):
    """`body` is a `list` of `embedding`s in JSON."""

    body: bytes
    usage: Usage


class Provider(Protocol):
    name: str

    async def chat(self, call: Call) -> Answer:
        """Raises ProviderError."""
        ...

    def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        """Raises ProviderError, with `began` once a chunk was given."""
        ...

    async def embed(self, call: EmbedCall) -> Embeddings:
        """Raises ProviderError."""
        ...
