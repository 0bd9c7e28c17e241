"""Google's Gemini API."""

from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import quote

import msgspec
from yarl import URL

from richesreach.ai_router.model import Failure, ProviderError, Usage
from richesreach.ai_router.providers import content, refusals
from richesreach.ai_router.providers.connections import Connections
from richesreach.ai_router.providers.events import Events
from richesreach.ai_router.providers.google_shape import FINISH, Counted, Whole, called, request_body
from richesreach.ai_router.providers.provider import Answer, Call, Chunk, EmbedCall, Embeddings, own_time
from richesreach.ai_router.providers.streaming import CHARACTERS, Streaming, estimated
from richesreach.ai_router.wire.answering import Called, ChunkWriter, completion, embeddings


class _Vector(msgspec.Struct):
    values: list[float]


class _Vectors(msgspec.Struct):
    embeddings: list[_Vector]


_WHOLE = msgspec.json.Decoder(Whole)
_VECTORS = msgspec.json.Decoder(_Vectors)


class Google:
    """`base_url` is without `/v1beta`."""

    def __init__(self, name: str, base_url: str, connections: Connections) -> None:
        self.name = name
        self._connections = connections
        self._base_url = base_url

    async def chat(self, call: Call) -> Answer:
        body = await self._whole("generateContent", call, request_body(self.name, call))
        found = refusals.decoded(body, _WHOLE, self.name)
        if not found.candidates:
            raise _without_candidates(self.name, found)
        candidate, response = found.candidates[0], found.response_id or "google"
        text, calls = "", list[Called]()
        for part in candidate.content.parts:
            if part.text is not None and not part.thought:
                text += part.text
            elif (call_of := called(part, len(calls), response)) is not None:
                calls.append(call_of)
        usage = found.usage_metadata.usage() if found.usage_metadata else estimated(len(text))
        finish = "tool_calls" if calls else FINISH.get(candidate.finish_reason or "", "content_filter")
        model = found.model_version or call.model.upstream
        return Answer(completion(response, model, text=text, calls=calls, finish=finish, usage=usage), usage)

    async def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        body = request_body(self.name, call)
        url = self._url(call, "streamGenerateContent", "?alt=sse")
        reading = _Streaming(self.name, call).read(self._connections, url, _headers(call), body)
        try:
            async for chunk in reading:
                yield chunk
        finally:
            await reading.aclose()

    async def embed(self, call: EmbedCall) -> Embeddings:
        texts = content.texts_of(self.name, call.request)
        one: dict[str, Any] = {"model": f"models/{call.model.upstream}"}
        if call.request.given.dimensions is not None:
            one["outputDimensionality"] = call.request.given.dimensions
        requests = [one | {"content": {"parts": [{"text": text}]}} for text in texts]
        body = await self._whole("batchEmbedContents", call, msgspec.json.encode({"requests": requests}))
        vectors = [vector.values for vector in refusals.decoded(body, _VECTORS, self.name).embeddings]
        if len(vectors) != len(texts):
            raise ProviderError(Failure.MALFORMED, self.name, "there are not as many embeddings as inputs")
        # Google counts no tokens here.
        tokens = sum(-(-len(text) // CHARACTERS) for text in texts)
        packed = call.request.given.encoding_format == "base64"
        told = embeddings(call.model.upstream, vectors, tokens, packed=packed)
        return Embeddings(told, Usage(tokens, 0, estimated=True))

    def _url(self, call: Call | EmbedCall, verb: str, query: str = "") -> URL:
        model = quote(call.model.upstream, safe="")
        return URL(f"{self._base_url}/v1beta/models/{model}:{verb}{query}", encoded=True)

    async def _whole(self, verb: str, call: Call | EmbedCall, body: bytes) -> bytes:
        url = self._url(call, verb)
        whole = await self._connections.whole(self.name, url, _headers(call), body, own_time(call))
        return refusals.checked(whole, self.name, call.credential.secret)


def _without_candidates(provider: str, found: Whole) -> ProviderError:
    reason = found.prompt_feedback.block_reason if found.prompt_feedback else None
    if reason is not None:
        return ProviderError(Failure.CONTENT_FILTERED, provider, f"the prompt was blocked: {reason[:64]}")
    return ProviderError(Failure.MALFORMED, provider, "the answer holds no candidate")


def _headers(call: Call | EmbedCall) -> dict[str, str]:
    return {
        "content-type": "application/json",
        # Not as a part of the URL, which ends in logs.
        "x-goog-api-key": call.credential.secret,
        "x-request-id": call.request_id,
    }


class _Streaming(Streaming):
    def __init__(self, provider: str, call: Call) -> None:
        super().__init__(provider, call)
        self._events = Events(provider)
        self._writer = ChunkWriter(call.model.upstream)
        self._counted: Counted | None = None
        self._begun = False
        self._finish: str | None = None
        self._calls = 0

    def feed(self, piece: bytes) -> bytes:
        return b"".join(self._read(data) for data in self._events.feed(piece))

    def end(self) -> tuple[bytes, Usage]:
        data = b"".join(self._read(data) for data in self._events.rest())
        if self._finish is None:
            raise self.truncated()
        finish = "tool_calls" if self._calls else self._finish
        usage = self._counted.usage() if self._counted else estimated(self.characters)
        data += self._writer.finish(finish)
        return data + self._writer.usage(usage) if self.tells_usage else data, usage

    def _read(self, data: bytes) -> bytes:
        try:
            event = _WHOLE.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self.malformed() from error
        if event.error is not None:
            text = refusals.cleaned(str(event.error.get("message", "")), self.secret)
            raise self.error(Failure.SERVER_ERROR, f"failed in the midst of the stream: {text}")
        self._counted = event.usage_metadata or self._counted
        if not event.candidates:
            if event.prompt_feedback is not None and event.prompt_feedback.block_reason:
                raise _without_candidates(self.provider, event)
            return b""
        found = b""
        if not self._begun:
            self._begun = True
            self._writer.id = event.response_id or self._writer.id
            self._writer.model = event.model_version or self._writer.model
            found = self._writer.begin()
        candidate = event.candidates[0]
        for part in candidate.content.parts:
            if part.text and not part.thought:
                self.characters += len(part.text)
                found += self._writer.text(part.text)
            elif (call := called(part, self._calls, self._writer.id)) is not None:
                found += self._call(call)
        if candidate.finish_reason is not None:
            self._finish = FINISH.get(candidate.finish_reason, "content_filter")
        return found

    def _call(self, call: Called) -> bytes:
        self.characters += len(call.arguments)
        self._calls += 1
        return self._writer.call(self._calls - 1, call)
