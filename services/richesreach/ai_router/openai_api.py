"""`/v1/*`: OpenAI's API, for clients that know nothing of this router.

Raw ASGI, answered before any route is looked for: this is the path whose every microsecond is measured.
"""

from collections.abc import Awaitable, Callable, Iterable

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from richesreach.ai_router.callers import Doorman
from richesreach.ai_router.model import Caller
from richesreach.ai_router.once import Once, key_of
from richesreach.ai_router.outcomes import TOLD, Refusal, refusal_of
from richesreach.ai_router.presence import CallerGoneError, WhilePresent
from richesreach.ai_router.service import AiRouter
from richesreach.ai_router.streamed import Headers, Streaming
from richesreach.ai_router.wire.chat import ChatRequest
from richesreach.ai_router.wire.embeddings import EmbedRequest
from richesreach.core.logs import logger

# Seconds after which a caller is watched for leaving.
PATIENCE = 0.25
_JSON = (b"content-type", b"application/json")
_SSE = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"))
_DONE = b"data: [DONE]\n\n"
Handler = Callable[[Caller, bytes, Scope, Receive, Send], Awaitable[None]]


def routes(service: AiRouter, doorman: Doorman, once: Once) -> dict[tuple[str, str], ASGIApp]:
    """By method and path, for `build_app`."""
    return {
        ("POST", "/v1/chat/completions"): Endpoint(doorman, ChatCompletions(service, once)),
        ("POST", "/v1/embeddings"): Endpoint(doorman, Embeddings(service)),
        ("GET", "/v1/models"): Endpoint(doorman, Models(service)),
    }


class Endpoint:
    """Knows the caller, reads the body, and tells errors in OpenAI's shape."""

    __slots__ = ("_doorman", "_handler")

    def __init__(self, doorman: Doorman, handler: Handler) -> None:
        self._doorman = doorman
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            caller = self._doorman.at_once(scope) or await self._doorman.caller(scope)
            await self._handler(caller, await read(receive), scope, receive, send)
        except TOLD as error:
            await refuse(refusal_of(error), send)
        except CallerGoneError:
            logger().info("caller_gone", path=scope["path"])


class ChatCompletions:
    __slots__ = ("_once", "_service")

    def __init__(self, service: AiRouter, once: Once) -> None:
        self._service = service
        self._once = once

    async def __call__(self, caller: Caller, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        request, service = ChatRequest.read(body), self._service
        request_id: str = scope["state"]["request_id"]
        key = key_of(scope)
        if request.streams:
            if key is None:
                await stream(lambda: service.stream(request, caller, request_id), receive, send)
            else:
                await stream(
                    lambda: self._once.stream(
                        caller,
                        key,
                        scope["path"],
                        body,
                        request.tells_usage,
                        lambda: service.stream(request, caller, request_id),
                    ),
                    receive,
                    send,
                )
            return
        with WhilePresent(receive, PATIENCE):
            if key is None:
                answered = await service.chat(request, caller, request_id)
                told, headers = answered.body, answered.headers()
            else:
                told, headers = await self._once.whole(
                    caller, key, scope["path"], body, lambda: self._told(request, caller, request_id)
                )
        await answer(send, 200, told, headers)

    async def _told(self, request: ChatRequest, caller: Caller, request_id: str) -> tuple[bytes, Headers]:
        answered = await self._service.chat(request, caller, request_id)
        return answered.body, answered.headers()


class Embeddings:
    __slots__ = ("_service",)

    def __init__(self, service: AiRouter) -> None:
        self._service = service

    async def __call__(self, caller: Caller, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        request = EmbedRequest.read(body)
        with WhilePresent(receive, PATIENCE):
            answered = await self._service.embed(request, caller, scope["state"]["request_id"])
        await answer(send, 200, answered.body, answered.headers())


class Models:
    __slots__ = ("_service",)

    def __init__(self, service: AiRouter) -> None:
        self._service = service

    async def __call__(
        self, _caller: Caller, _body: bytes, _scope: Scope, _receive: Receive, send: Send
    ) -> None:
        found = [
            {"id": name, "object": "model", "created": 0, "owned_by": owner}
            for name, owner in self._service.model_names()
        ]
        await answer(send, 200, msgspec.json.encode({"object": "list", "data": found}))


async def stream(begin: Callable[[], Awaitable[Streaming]], receive: Receive, send: Send) -> None:
    """Events as they come; the next is asked for when the caller has taken the last.

    An error before the first is an answer of its own; one after it is the last event, and no `[DONE]`
    follows, so that nobody takes the part for the whole.
    """
    with WhilePresent(receive, 0.0):
        streamed = await begin()
        try:
            headers = [*_SSE, *streamed.headers()]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await _pass_on(streamed, send)
        finally:
            await streamed.aclose()
    await send({"type": "http.response.body", "body": b""})


async def _pass_on(streamed: Streaming, send: Send) -> None:
    try:
        async for chunk in streamed:
            if chunk.data:
                await _event(send, chunk.data)
        await _event(send, _DONE)
    except TOLD as error:
        await _event(send, b"data: %s\n\n" % refusal_of(error).openai_body())


async def _event(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def read(receive: Receive) -> bytes:
    """The body. Raises HTTPException 413 (the passage) and CallerGoneError."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        return body
    parts: list[bytes] = []
    while True:
        if message["type"] == "http.disconnect":
            raise CallerGoneError
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


async def refuse(refusal: Refusal, send: Send) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in refusal.all_headers().items()]
    await answer(send, refusal.status, refusal.openai_body(), headers)


async def answer(send: Send, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    start: Message = {
        "type": "http.response.start",
        "status": status,
        "headers": [_JSON, (b"content-length", b"%d" % len(body)), *headers],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body})
