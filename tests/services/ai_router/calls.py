"""Calls of one provider, as dispatching would make them."""

import json
from typing import Any

import pytest
from richesreach.ai_router.model import Failure, Model, Prices, ProviderError
from richesreach.ai_router.providers.connections import Connections, Patience
from richesreach.ai_router.providers.credentials import Credential
from richesreach.ai_router.providers.provider import Call, Chunk, EmbedCall, Provider
from richesreach.ai_router.wire.chat import ChatRequest
from richesreach.ai_router.wire.embeddings import EmbedRequest

SECRET = "sk-proj-0123456789abcdef"
HELLO = [{"role": "user", "content": "hello"}]


def connections(**changes: Any) -> Connections:
    patience = {"connect": 2.0, "silence": 20.0, **changes}
    return Connections(Patience(**patience), private=True)


def model(
    upstream: str = "upstream-model", provider: str = "openai", output_tokens: int = 4096, **facts: Any
) -> Model:
    return Model("asked", provider, upstream, 128_000, output_tokens, Prices(1, 1, 1), "o200k_base", **facts)


def call(
    messages: Any = None, *, timeout: float = 20.0, secret: str = SECRET, upstream: str = "m", **members: Any
) -> Call:
    request = ChatRequest.of(messages or HELLO, **members)
    return Call(model(upstream), Credential("a", secret), request, timeout, "request-1")


def embed_call(given: Any, *, timeout: float = 20.0, **members: Any) -> EmbedCall:
    request = EmbedRequest.read(json.dumps({"model": "e", "input": given, **members}).encode())
    return EmbedCall(model("e"), Credential("a", SECRET), request, timeout, "request-1")


async def chunks(provider: Provider, asked: Call) -> list[Chunk]:
    return [chunk async for chunk in provider.stream(asked)]


async def failure_of(provider: Provider, asked: Call) -> ProviderError:
    """What the call fails with, streaming or not as the request says; it tells no secret."""
    work = chunks(provider, asked) if asked.request.streams else provider.chat(asked)
    with pytest.raises(ProviderError) as caught:
        await work
    error = caught.value
    assert SECRET not in repr(error) + str(error) + repr(error.__cause__)
    return error


# How the mock goes wrong, and what each is to the router, whatever the provider.
FAILURES = {
    "rate_limited": Failure.RATE_LIMITED,
    "out_of_credit": Failure.OUT_OF_CREDIT,
    "unauthenticated": Failure.UNAUTHENTICATED,
    "overloaded": Failure.OVERLOADED,
    "server_error": Failure.SERVER_ERROR,
    "down": Failure.UNREACHABLE,
    "context_too_long": Failure.CONTEXT_TOO_LONG,
    "filtered": Failure.CONTENT_FILTERED,
    "invalid_request": Failure.INVALID_REQUEST,
    "unknown_model": Failure.UNKNOWN_MODEL,
    "redirect": Failure.SERVER_ERROR,
}
