"""Makes OpenAI's shapes out of what other providers answer."""

import base64
import time
from array import array
from collections.abc import Sequence
from typing import Any

import msgspec

from richesreach.ai_router.model import Usage


class Called(msgspec.Struct, omit_defaults=True):
    """`extra` is what the provider wants back with the call, as its own compatible API tells it."""

    id: str | None = None
    name: str | None = None
    arguments: str = ""
    extra: dict[str, Any] | None = None


def now() -> int:
    return int(time.time())


def usage_members(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input},
    }


def _call(called: Called) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if called.id is not None:
        found |= {"id": called.id, "type": "function"}
    function = {"arguments": called.arguments}
    found["function"] = function if called.name is None else {"name": called.name, **function}
    if called.extra is not None:
        found["extra_content"] = called.extra
    return found


def completion(
    id: str, model: str, *, text: str, calls: Sequence[Called], finish: str, usage: Usage
) -> bytes:
    """A whole answer of one choice."""
    message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
    if calls:
        message["tool_calls"] = [_call(called) for called in calls]
    elif not text:
        message["content"] = ""
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return msgspec.json.encode(
        {
            "id": id,
            "object": "chat.completion",
            "created": now(),
            "model": model,
            "choices": [choice],
            "usage": usage_members(usage),
        }
    )


class ChunkWriter:
    """Makes the events of one stream, each as it goes out."""

    __slots__ = ("_created", "id", "model")

    def __init__(self, model: str, id: str = "chatcmpl") -> None:
        self._created = now()
        self.id = id
        self.model = model

    def begin(self) -> bytes:
        return self._event({"role": "assistant", "content": ""})

    def text(self, text: str) -> bytes:
        return self._event({"content": text})

    def call(self, index: int, called: Called) -> bytes:
        return self._event({"tool_calls": [{"index": index, **_call(called)}]})

    def finish(self, reason: str) -> bytes:
        return self._event({}, reason)

    def usage(self, usage: Usage) -> bytes:
        return self._data([], usage_members(usage))

    def _event(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        return self._data([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}], None)

    def _data(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None) -> bytes:
        event: dict[str, Any] = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self.model,
            "choices": choices,
        }
        if usage is not None:
            event["usage"] = usage
        return b"data: %s\n\n" % msgspec.json.encode(event)


def embeddings(model: str, vectors: Sequence[Sequence[float]], tokens: int, *, packed: bool) -> bytes:
    """`packed` is OpenAI's `encoding_format: base64`: little-endian floats of 32 bits."""
    data = [
        {"object": "embedding", "index": number, "embedding": pack(vector) if packed else vector}
        for number, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return msgspec.json.encode({"object": "list", "model": model, "data": data, "usage": usage})


def pack(vector: Sequence[float]) -> str:
    return base64.b64encode(array("f", vector).tobytes()).decode()
