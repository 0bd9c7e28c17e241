"""Streams and whole answers: a stream is kept as the answer it makes, and an answer replayed as a stream."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from richesreach.ai_router.model import Usage

_DECODER = msgspec.json.Decoder(dict[str, Any])
_ENCODER = msgspec.json.Encoder()
# A few words, with the spaces around them: about what providers send at a time.
_PIECES = re.compile(r"\s*(?:\S+\s*){1,5}|\s+")
_FRAME = ("id", "created", "model", "system_fingerprint")
# Bytes; what is longer is not kept.
MOST = 1_048_576


class Assembly:
    """Collects what a stream sent. Nothing is decoded before it has ended."""

    __slots__ = ("_events", "_size")

    def __init__(self) -> None:
        self._events: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> None:
        """Whole server-sent events."""
        self._size += len(data)
        if self._size <= MOST:
            self._events.append(data)

    def body(self, usage: Usage | None = None) -> bytes | None:
        """The `chat.completion` that the stream makes; None for one that did not end, or is too long."""
        if self._size > MOST:
            return None
        try:
            return _assembled(_chunks(b"".join(self._events)), usage)
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            return None


def replay(body: bytes, *, usage: bool) -> Iterator[bytes]:
    """The events of a `chat.completion`, each `data: {…}` and an empty line; `[DONE]` is not among them."""
    whole = _DECODER.decode(body)
    frame: dict[str, Any] = {name: whole[name] for name in _FRAME if name in whole}
    frame["object"] = "chat.completion.chunk"
    if usage:
        frame["usage"] = None
    for choice in whole.get("choices", ()):
        index = choice.get("index", 0)
        for delta in _deltas(choice.get("message", {})):
            yield _event({**frame, "choices": [{"index": index, "delta": delta, "finish_reason": None}]})
        end = {"index": index, "delta": {}, "finish_reason": choice.get("finish_reason")}
        if choice.get("logprobs") is not None:
            end["logprobs"] = choice["logprobs"]
        yield _event({**frame, "choices": [end]})
    if usage:
        yield _event({**frame, "choices": [], "usage": whole.get("usage")})


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % _ENCODER.encode(chunk)


def _deltas(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"role": message.get("role", "assistant"), "content": "" if message.get("content") else None}
    for name, value in message.items():
        if name == "content" and isinstance(value, str):
            yield from ({"content": piece} for piece in _PIECES.findall(value))
        elif name == "tool_calls" and value:
            yield {name: [{"index": place, **call} for place, call in enumerate(value)]}
        elif name not in ("role", "content", "tool_calls") and value is not None:
            yield {name: value}


def _chunks(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.splitlines():
        if line.startswith(b"data:"):
            payload = line[5:].strip()
            if payload and payload != b"[DONE]":
                yield _DECODER.decode(payload)


def _assembled(chunks: Iterable[dict[str, Any]], usage: Usage | None) -> bytes | None:
    frame: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    told = None
    for chunk in chunks:
        for name in _FRAME:
            if chunk.get(name) is not None:
                frame.setdefault(name, chunk[name])
        told = chunk.get("usage") or told
        for piece in chunk.get("choices", ()):
            index = piece.get("index", 0)
            choice = choices.setdefault(index, {"index": index, "message": {}, "finish_reason": None})
            _merge(choice["message"], piece.get("delta") or {})
            choice["finish_reason"] = piece.get("finish_reason") or choice["finish_reason"]
            _probabilities(choice, piece.get("logprobs"))
    if not choices or any(choice["finish_reason"] is None for choice in choices.values()):
        return None
    for choice in choices.values():
        choice["message"].setdefault("content", None)
    if told is None and usage is not None:
        told = {
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
        }
    ordered = [choices[index] for index in sorted(choices)]
    return _ENCODER.encode({**frame, "object": "chat.completion", "choices": ordered, "usage": told})


def _merge(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for name, value in delta.items():
        if name == "tool_calls":
            _merge_calls(message.setdefault(name, []), value or ())
        elif name != "role" and isinstance(value, str):
            message[name] = (message.get(name) or "") + value
        elif value is not None:
            message[name] = value


def _merge_calls(calls: list[dict[str, Any]], pieces: Iterable[dict[str, Any]]) -> None:
    for piece in pieces:
        place = piece.get("index", len(calls))
        while len(calls) <= place:
            calls.append({"function": {"name": "", "arguments": ""}})
        call = calls[place]
        for name, value in piece.items():
            if name == "function":
                for part, text in value.items():
                    call["function"][part] = call["function"].get(part, "") + (text or "")
            elif name != "index" and value is not None:
                call[name] = value


def _probabilities(choice: dict[str, Any], told: dict[str, Any] | None) -> None:
    if told is None:
        return
    kept = choice.setdefault("logprobs", {})
    for name, values in told.items():
        if isinstance(values, list):
            kept[name] = [*(kept.get(name) or ()), *values]
