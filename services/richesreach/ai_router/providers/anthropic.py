"""Anthropic's Messages API."""

from collections.abc import AsyncGenerator

import msgspec
from yarl import URL

from richesreach.ai_router.model import Failure, Usage
from richesreach.ai_router.providers import content, refusals
from richesreach.ai_router.providers.anthropic_shape import (
    FINISH,
    Block,
    Tokens,
    Whole,
    answer_body,
    request_body,
)
from richesreach.ai_router.providers.connections import Connections
from richesreach.ai_router.providers.events import Events
from richesreach.ai_router.providers.provider import Answer, Call, Chunk, EmbedCall, Embeddings, own_time
from richesreach.ai_router.providers.streaming import Streaming
from richesreach.ai_router.wire.answering import Called, ChunkWriter

VERSION = "2023-06-01"


class _Begun(msgspec.Struct):
    id: str
    model: str
    usage: Tokens = msgspec.field(default_factory=Tokens)


class _Delta(msgspec.Struct):
    type: str | None = None
    text: str = ""
    partial_json: str = ""
    stop_reason: str | None = None


class _Error(msgspec.Struct):
    type: str = ""
    message: str = ""


class _Event(msgspec.Struct):
    type: str
    index: int = 0
    message: _Begun | None = None
    content_block: Block | None = None
    delta: _Delta | None = None
    usage: Tokens | None = None
    error: _Error | None = None


_WHOLE = msgspec.json.Decoder(Whole)
_EVENT = msgspec.json.Decoder(_Event)
_OVERLOADED = {
    "overloaded_error": Failure.OVERLOADED,
    "rate_limit_error": Failure.RATE_LIMITED,
    "timeout_error": Failure.TIMEOUT,
}


class Anthropic:
    """`base_url` is without `/v1`."""

    def __init__(self, name: str, base_url: str, connections: Connections) -> None:
        self.name = name
        self._connections = connections
        self._messages = URL(f"{base_url}/v1/messages")

    async def chat(self, call: Call) -> Answer:
        body = request_body(self.name, call)
        whole = await self._connections.whole(self.name, self._messages, _headers(call), body, own_time(call))
        told = refusals.checked(whole, self.name, call.credential.secret)
        found = refusals.decoded(told, _WHOLE, self.name)
        return Answer(answer_body(found), found.usage.usage())

    async def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        body = request_body(self.name, call)
        reading = _Streaming(self.name, call).read(self._connections, self._messages, _headers(call), body)
        try:
            async for chunk in reading:
                yield chunk
        finally:
            await reading.aclose()

    async def embed(self, call: EmbedCall) -> Embeddings:
        raise content.unsupported(self.name, "a request for embeddings")


def _headers(call: Call) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "anthropic-version": VERSION,
        "x-api-key": call.credential.secret,
        "x-request-id": call.request_id,
    }


class _Streaming(Streaming):
    def __init__(self, provider: str, call: Call) -> None:
        super().__init__(provider, call)
        self._events = Events(provider)
        self._writer = ChunkWriter(call.model.upstream)
        self._tokens = Tokens()
        self._calls: dict[int, int] = {}

    def feed(self, piece: bytes) -> bytes:
        return b"".join(self._read(data) for data in self._events.feed(piece))

    def end(self) -> tuple[bytes, Usage]:
        if not self.done:
            raise self.truncated()
        usage = self._tokens.usage()
        return self._writer.usage(usage) if self.tells_usage else b"", usage

    def _read(self, data: bytes) -> bytes:
        try:
            event = _EVENT.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self.malformed() from error
        match event.type:
            case "message_start" if event.message is not None:
                self._writer.id, self._writer.model = event.message.id, event.message.model
                self._tokens = self._tokens.then(event.message.usage)
                return self._writer.begin()
            case "content_block_start" if event.content_block is not None:
                return self._block(event.index, event.content_block)
            case "content_block_delta" if event.delta is not None:
                return self._delta(event.index, event.delta)
            case "message_delta" if event.delta is not None:
                if event.usage is not None:
                    self._tokens = self._tokens.then(event.usage)
                reason = event.delta.stop_reason
                return self._writer.finish(FINISH.get(reason, "stop")) if reason else b""
            case "message_stop":
                self.done = True
            case "error":
                told = event.error or _Error()
                failure = _OVERLOADED.get(told.type, Failure.SERVER_ERROR)
                text = refusals.cleaned(told.message, self.secret)
                raise self.error(failure, f"failed in the midst of the stream: {text}")
        return b""  # pings, ends of blocks, and what is newer than this

    def _block(self, index: int, block: Block) -> bytes:
        if block.type == "tool_use":
            number = self._calls[index] = len(self._calls)
            return self._writer.call(number, Called(block.id, block.name))
        self.characters += len(block.text)
        return self._writer.text(block.text) if block.type == "text" and block.text else b""

    def _delta(self, index: int, delta: _Delta) -> bytes:
        if delta.type == "text_delta":
            self.characters += len(delta.text)
            return self._writer.text(delta.text)
        if delta.type == "input_json_delta" and delta.partial_json and index in self._calls:
            self.characters += len(delta.partial_json)
            return self._writer.call(self._calls[index], Called(arguments=delta.partial_json))
        return b""  # thinking and its signature
