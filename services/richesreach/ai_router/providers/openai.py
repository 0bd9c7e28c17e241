"""OpenAI, and whoever speaks its shape: requests and answers pass through as they are."""

from collections.abc import AsyncGenerator

import msgspec
from yarl import URL

from richesreach.ai_router.model import Failure, ProviderError, Usage
from richesreach.ai_router.providers import refusals
from richesreach.ai_router.providers.connections import Connections
from richesreach.ai_router.providers.events import Events
from richesreach.ai_router.providers.provider import Answer, Call, Chunk, EmbedCall, Embeddings, own_time
from richesreach.ai_router.providers.streaming import Streaming, estimated
from richesreach.ai_router.wire.chat import UsageFields

_DONE = b"[DONE]"
_NOTHING = msgspec.Raw()


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Answer(msgspec.Struct):
    """What an answer must have to be one."""

    choices: list[_Choice]
    usage: UsageFields | None = None


class _CalledFunction(msgspec.Struct):
    arguments: str | None = None


class _ToolDelta(msgspec.Struct):
    function: _CalledFunction | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_ToolDelta] | None = None


class _Part(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Event(msgspec.Struct):
    choices: list[_Part] | None = None
    usage: UsageFields | None = None
    error: msgspec.Raw = _NOTHING


class _Vectors(msgspec.Struct):
    data: list[msgspec.Raw]
    usage: UsageFields | None = None


_ANSWER = msgspec.json.Decoder(_Answer)
_EVENT = msgspec.json.Decoder(_Event)
_VECTORS = msgspec.json.Decoder(_Vectors)


class OpenAI:
    """One provider that speaks OpenAI's shape, called `name`, at `base_url` (which ends with `/v1`)."""

    def __init__(self, name: str, base_url: str, connections: Connections) -> None:
        self.name = name
        self._connections = connections
        self._chat = URL(f"{base_url}/chat/completions")
        self._embeddings = URL(f"{base_url}/embeddings")

    async def chat(self, call: Call) -> Answer:
        body = await self._whole(self._chat, call, call.request.body_for(call.model.upstream))
        found = refusals.decoded(body, _ANSWER, self.name)
        if not found.choices:
            raise ProviderError(Failure.MALFORMED, self.name, "the answer holds no choice")
        if found.usage is not None:
            return Answer(body, found.usage.usage())
        return Answer(body, estimated(sum(len(choice.message.content or "") for choice in found.choices)))

    async def embed(self, call: EmbedCall) -> Embeddings:
        body = await self._whole(self._embeddings, call, call.request.body_for(call.model.upstream))
        found = refusals.decoded(body, _VECTORS, self.name)
        if len(found.data) != len(call.request.inputs):
            raise ProviderError(Failure.MALFORMED, self.name, "there are not as many embeddings as inputs")
        return Embeddings(body, found.usage.usage() if found.usage else Usage(0, 0, estimated=True))

    def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        body = call.request.body_for(call.model.upstream)
        return _Streaming(self.name, call).read(self._connections, self._chat, self._headers(call), body)

    def _headers(self, call: Call | EmbedCall) -> dict[str, str]:
        headers = {"content-type": "application/json", "x-request-id": call.request_id}
        if call.credential.secret:
            headers["authorization"] = f"Bearer {call.credential.secret}"
        return headers

    async def _whole(self, url: URL, call: Call | EmbedCall, body: bytes) -> bytes:
        whole = await self._connections.whole(self.name, url, self._headers(call), body, own_time(call))
        return refusals.checked(whole, self.name, call.credential.secret)


class _Streaming(Streaming):
    def __init__(self, provider: str, call: Call) -> None:
        super().__init__(provider, call)
        self._events = Events(provider)
        self._usage: UsageFields | None = None
        self._finished = False

    def feed(self, piece: bytes) -> bytes:
        return self._kept(self._events.feed(piece))

    def end(self) -> tuple[bytes, Usage]:
        data = b"" if self.done else self._kept(self._events.rest())
        if not (self.done or self._finished):
            raise self.truncated()
        return data, self._usage.usage() if self._usage else estimated(self.characters)

    def _kept(self, found: list[bytes]) -> bytes:
        kept = []
        for data in found:
            if data == _DONE:
                self.done = True
                break
            if self._read(data):
                kept.append(b"data: %s\n\n" % data)
        return b"".join(kept)

    def _read(self, data: bytes) -> bool:
        """Whether the caller gets the event."""
        try:
            event = _EVENT.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self.malformed() from error
        if event.error is not _NOTHING and bytes(event.error) != b"null":
            told = refusals.said(b'{"error":%s}' % bytes(event.error), self.secret)
            raise self.error(Failure.SERVER_ERROR, f"failed in the midst of the stream: {told}")
        if event.usage is not None:
            self._usage = event.usage
        if not event.choices:
            return self.tells_usage or event.usage is None
        for choice in event.choices:
            if choice.finish_reason is not None:
                self._finished = True
            if choice.delta is not None:
                self.characters += _characters(choice.delta)
        return True


def _characters(delta: _Delta) -> int:
    found = len(delta.content or "") + len(delta.refusal or "") + len(delta.reasoning_content or "")
    for call in delta.tool_calls or ():
        if call.function is not None:
            found += len(call.function.arguments or "")
    return found
