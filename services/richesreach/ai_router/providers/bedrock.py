"""Amazon Bedrock: Converse and ConverseStream, and Titan's embeddings."""

import asyncio
from collections.abc import AsyncGenerator
from urllib.parse import quote

import msgspec
from botocore.eventstream import EventStreamBuffer, EventStreamMessage, ParserError
from yarl import URL

from richesreach.ai_router.model import Failure, ProviderError, Usage
from richesreach.ai_router.providers import content, refusals
from richesreach.ai_router.providers.bedrock_shape import (
    FINISH,
    Counted,
    Whole,
    answer_body,
    request_body,
    titan_body,
)
from richesreach.ai_router.providers.connections import Connections
from richesreach.ai_router.providers.events import MOST_EVENT
from richesreach.ai_router.providers.provider import Answer, Call, Chunk, EmbedCall, Embeddings, own_time
from richesreach.ai_router.providers.signing import Signer
from richesreach.ai_router.providers.streaming import Streaming, estimated
from richesreach.ai_router.wire.answering import Called, ChunkWriter, embeddings

# Embeddings that are asked for at a time: Titan takes one text a request.
AT_A_TIME = 8


class _Vector(msgspec.Struct, rename="camel"):
    embedding: list[float]
    input_text_token_count: int = 0


class _Use(msgspec.Struct, rename="camel"):
    tool_use_id: str | None = None
    name: str | None = None
    input: str = ""


class _Part(msgspec.Struct, rename="camel"):
    text: str = ""
    tool_use: _Use | None = None


class _Event(msgspec.Struct, rename="camel"):
    content_block_index: int = 0
    start: _Part | None = None
    delta: _Part | None = None
    stop_reason: str | None = None
    usage: Counted | None = None
    message: str = ""


_WHOLE = msgspec.json.Decoder(Whole)
_VECTOR = msgspec.json.Decoder(_Vector)
_EVENT = msgspec.json.Decoder(_Event)
_EXCEPTIONS = {
    "throttlingException": Failure.RATE_LIMITED,
    "serviceUnavailableException": Failure.OVERLOADED,
    "validationException": Failure.INVALID_REQUEST,
}


class Bedrock:
    """`base_url` is the region's runtime endpoint."""

    def __init__(self, name: str, base_url: str, region: str, connections: Connections) -> None:
        self.name = name
        self._connections = connections
        self._base_url = base_url
        self._signer = Signer(name, region)

    async def chat(self, call: Call) -> Answer:
        whole = await self._whole("converse", call, request_body(self.name, call))
        found = refusals.decoded(whole, _WHOLE, self.name)
        body = answer_body(found, f"bedrock-{call.request_id}", call.model.upstream)
        return Answer(body, found.usage.usage())

    async def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        body = request_body(self.name, call)
        url = self._url(call, "converse-stream")
        headers = await self._signer.headers(str(url), body, call.credential.secret, call.request_id)
        reading = _Streaming(self.name, call).read(self._connections, url, headers, body)
        try:
            async for chunk in reading:
                yield chunk
        finally:
            await reading.aclose()

    async def embed(self, call: EmbedCall) -> Embeddings:
        texts = content.texts_of(self.name, call.request)
        places = asyncio.Semaphore(AT_A_TIME)

        async def one(text: str) -> _Vector:
            async with places:
                body = titan_body(text, call.request.given.dimensions)
                return refusals.decoded(await self._whole("invoke", call, body), _VECTOR, self.name)

        try:
            async with asyncio.timeout(call.timeout), asyncio.TaskGroup() as group:
                asked = [group.create_task(one(text)) for text in texts]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        except TimeoutError:
            raise ProviderError(Failure.TIMEOUT, self.name, "no answer came in time") from None
        vectors = [task.result() for task in asked]
        tokens = sum(vector.input_text_token_count for vector in vectors)
        packed = call.request.given.encoding_format == "base64"
        values = [vector.embedding for vector in vectors]
        return Embeddings(embeddings(call.model.upstream, values, tokens, packed=packed), Usage(tokens, 0))

    def _url(self, call: Call | EmbedCall, verb: str) -> URL:
        model = quote(call.model.upstream, safe="")  # an ARN has colons and slashes
        return URL(f"{self._base_url}/model/{model}/{verb}", encoded=True)

    async def _whole(self, verb: str, call: Call | EmbedCall, body: bytes) -> bytes:
        url, secret = self._url(call, verb), call.credential.secret
        headers = await self._signer.headers(str(url), body, secret, call.request_id)
        whole = await self._connections.whole(self.name, url, headers, body, own_time(call))
        return refusals.checked(whole, self.name, secret)


class _Streaming(Streaming):
    """Messages in AWS's event-stream encoding, whose checksums botocore verifies."""

    def __init__(self, provider: str, call: Call) -> None:
        super().__init__(provider, call)
        self._buffer = EventStreamBuffer()
        self._waiting = 0
        self._writer = ChunkWriter(call.model.upstream, f"bedrock-{call.request_id}")
        self._usage: Usage | None = None
        self._finished = False
        self._calls: dict[int, int] = {}

    def feed(self, piece: bytes) -> bytes:
        self._buffer.add_data(piece)
        self._waiting += len(piece)
        found = b""
        try:
            for message in self._buffer:
                self._waiting = 0
                found += self._message(message)
        except ParserError as error:
            raise self.malformed() from error
        if self._waiting > MOST_EVENT:
            raise self.malformed()
        return found

    def end(self) -> tuple[bytes, Usage]:
        if not self._finished:
            raise self.truncated()
        usage = self._usage or estimated(self.characters)
        return self._writer.usage(usage) if self.tells_usage else b"", usage

    def _message(self, message: EventStreamMessage) -> bytes:
        try:
            event = _EVENT.decode(message.payload)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self.malformed() from error
        if message.headers.get(":message-type") != "event":
            kind = str(message.headers.get(":exception-type", message.headers.get(":error-code", "")))
            failure = _EXCEPTIONS.get(kind, Failure.SERVER_ERROR)
            text = refusals.cleaned(event.message, self.secret)
            raise self.error(failure, f"failed in the midst of the stream: {kind[:64]} {text}")
        match message.headers.get(":event-type"):
            case "messageStart":
                return self._writer.begin()
            case "contentBlockStart" if event.start is not None and event.start.tool_use is not None:
                number = self._calls[event.content_block_index] = len(self._calls)
                use = event.start.tool_use
                return self._writer.call(number, Called(use.tool_use_id, use.name))
            case "contentBlockDelta" if event.delta is not None:
                return self._delta(event.content_block_index, event.delta)
            case "messageStop":
                self._finished = True
                return self._writer.finish(FINISH.get(event.stop_reason or "", "stop"))
            case "metadata":
                self._usage = event.usage.usage() if event.usage else None
                self.done = True
        return b""

    def _delta(self, index: int, delta: _Part) -> bytes:
        if delta.text:
            self.characters += len(delta.text)
            return self._writer.text(delta.text)
        if delta.tool_use is not None and delta.tool_use.input and index in self._calls:
            self.characters += len(delta.tool_use.input)
            return self._writer.call(self._calls[index], Called(arguments=delta.tool_use.input))
        return b""  # what the model thought
