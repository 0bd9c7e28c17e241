"""OpenAI, and whoever speaks its shape: requests and answers pass through as they are."""

import time
from collections.abc import AsyncGenerator

import msgspec
from yarl import URL

from richesreach.ai_router.model import Failure, ProviderError, Usage
from richesreach.ai_router.providers import refusals
from richesreach.ai_router.providers.connections import Connections, Reply
from richesreach.ai_router.providers.events import Events
from richesreach.ai_router.providers.provider import Answer, Call, Chunk, EmbedCall, Embeddings
from richesreach.ai_router.wire.chat import UsageFields

# Characters of a token, as a rule of thumb for providers that do not count.
CHARACTERS = 4
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
        try:
            found = _ANSWER.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._malformed("answer") from error
        if not found.choices:
            raise self._malformed("answer")
        if found.usage is not None:
            return Answer(body, found.usage.usage())
        return Answer(body, estimated(sum(len(choice.message.content or "") for choice in found.choices)))

    async def embed(self, call: EmbedCall) -> Embeddings:
        body = await self._whole(self._embeddings, call, call.request.body_for(call.model.upstream))
        try:
            found = _VECTORS.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._malformed("answer") from error
        if len(found.data) != len(call.request.inputs):
            raise self._malformed("answer")
        return Embeddings(body, found.usage.usage() if found.usage else Usage(0, 0, estimated=True))

    async def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        state = _Streaming(self.name, call)
        body = call.request.body_for(call.model.upstream)
        async with self._connections.post(
            self.name, self._chat, self._headers(call), body, call.timeout
        ) as reply:
            if reply.status != 200:
                raise await refusals.refusal(reply, self.name, call.credential.secret)
            while not state.done and (piece := await state.some(reply)):
                chunk = state.take(piece)
                if chunk is not None:
                    yield chunk
            last = state.last()
            if state.done:
                await reply.finish()
            yield last

    def _headers(self, call: Call | EmbedCall) -> dict[str, str]:
        headers = {"content-type": "application/json", "x-request-id": call.request_id}
        if call.credential.secret:
            headers["authorization"] = f"Bearer {call.credential.secret}"
        return headers

    async def _whole(self, url: URL, call: Call | EmbedCall, body: bytes) -> bytes:
        whole = await self._connections.whole(self.name, url, self._headers(call), body, call.timeout)
        return refusals.checked(whole, self.name, call.credential.secret)

    def _malformed(self, what: str) -> ProviderError:
        return ProviderError(Failure.MALFORMED, self.name, f"the {what} is not what OpenAI's API says")


def estimated(characters: int) -> Usage:
    """Where the provider counted nothing; the input is the caller's own count."""
    return Usage(0, max(1, -(-characters // CHARACTERS)), estimated=True)


class _Streaming:
    """What has come of one stream."""

    __slots__ = (
        "_began",
        "_characters",
        "_deadline",
        "_events",
        "_finished",
        "_provider",
        "_secret",
        "_tells",
        "_usage",
        "done",
    )

    def __init__(self, provider: str, call: Call) -> None:
        self._provider = provider
        self._tells = call.request.tells_usage
        self._secret = call.credential.secret
        self._deadline = time.monotonic() + call.timeout
        self._events = Events(provider)
        self._usage: UsageFields | None = None
        self._characters = 0
        self._finished = False
        self._began = False
        self.done = False

    async def some(self, reply: Reply) -> bytes:
        if not self._began:
            return await reply.some(max(0.0, self._deadline - time.monotonic()))
        try:
            return await reply.some()
        except ProviderError as error:
            error.began = True
            raise

    def take(self, piece: bytes) -> Chunk | None:
        """The events of one piece. Raises ProviderError."""
        try:
            return self._chunk(self._events.feed(piece))
        except ProviderError as error:
            error.began = self._began
            raise

    def last(self) -> Chunk:
        """The end, with the usage. Raises ProviderError TRUNCATED where it is none."""
        rest = None if self.done else self._chunk(self._events.rest())
        if not (self.done or self._finished):
            raise self._error(Failure.TRUNCATED, "the stream ended too early")
        usage = self._usage.usage() if self._usage else estimated(self._characters)
        return Chunk(rest.data if rest else b"", rest.characters if rest else 0, usage)

    def _chunk(self, found: list[bytes]) -> Chunk | None:
        kept, before = [], self._characters
        for data in found:
            if data == _DONE:
                self.done = True
                break
            if self._read(data):
                kept.append(b"data: %s\n\n" % data)
        if not kept:
            return None
        self._began = True
        return Chunk(b"".join(kept), self._characters - before)

    def _read(self, data: bytes) -> bool:
        """Whether the caller gets the event."""
        try:
            event = _EVENT.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._error(Failure.MALFORMED, "an event of the stream is no JSON") from error
        if event.error is not _NOTHING and bytes(event.error) != b"null":
            told = refusals.said(b'{"error":%s}' % bytes(event.error), self._secret)
            raise self._error(Failure.SERVER_ERROR, f"failed in the midst of the stream: {told}")
        if event.usage is not None:
            self._usage = event.usage
        if not event.choices:
            return self._tells or event.usage is None
        for choice in event.choices:
            if choice.finish_reason is not None:
                self._finished = True
            if choice.delta is not None:
                self._characters += _characters(choice.delta)
        return True

    def _error(self, failure: Failure, detail: str) -> ProviderError:
        return ProviderError(failure, self._provider, detail, began=self._began)


def _characters(delta: _Delta) -> int:
    found = len(delta.content or "") + len(delta.refusal or "") + len(delta.reasoning_content or "")
    for call in delta.tool_calls or ():
        if call.function is not None:
            found += len(call.function.arguments or "")
    return found
