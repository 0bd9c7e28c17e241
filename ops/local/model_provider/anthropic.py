"""Anthropic's shape: messages."""

from __future__ import annotations

import json
from typing import Any

from ops.local.model_provider.asked import Asked, instance
from ops.local.model_provider.openai import sse

ID = "msg_mock"


def read(body: dict[str, Any]) -> Asked:
    messages = body.get("messages", [])
    tools = body.get("tools") or []
    answered = any(
        block.get("type") == "tool_result"
        for message in messages
        if isinstance(message["content"], list)
        for block in message["content"]
    )
    system = body.get("system") or ""
    form = (body.get("output_config") or {}).get("format") or {}
    return Asked(
        model=body["model"],
        said=next((_text(m["content"]) for m in reversed(messages) if m["role"] == "user"), ""),
        characters=len(_text(system)) + sum(len(_text(message["content"])) for message in messages),
        limit=body["max_tokens"],
        stream=bool(body.get("stream")),
        schema=form.get("schema"),
        tool=(tools[0]["name"], tools[0].get("input_schema") or {}) if tools and not answered else None,
    )


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(block.get("text", "") for block in content)


def _finish(asked: Asked) -> str:
    if asked.tool is not None:
        return "tool_use"
    return "max_tokens" if asked.cut else "end_turn"


def message(asked: Asked) -> dict[str, Any]:
    words = asked.words()
    content: dict[str, Any] = {"type": "text", "text": "".join(words)}
    if asked.tool is not None:
        name, schema = asked.tool
        content = {
            "type": "tool_use",
            "id": "toolu_mock",
            "name": name,
            "input": instance(schema) if schema else {},
        }
    return {
        "id": ID,
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": [content],
        "stop_reason": _finish(asked),
        "stop_sequence": None,
        "usage": {
            "input_tokens": asked.tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": len(words),
        },
    }


def events(asked: Asked) -> list[bytes]:
    whole = message(asked)
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    block = whole["content"][0]
    if block["type"] == "tool_use":
        start: dict[str, Any] = {**block, "input": {}}
        deltas: list[dict[str, Any]] = [
            {"type": "input_json_delta", "partial_json": ""},
            {"type": "input_json_delta", "partial_json": json.dumps(block["input"])},
        ]
    else:
        start = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": word} for word in asked.words()]
    last = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    made: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": start},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": last, "usage": {"output_tokens": whole["usage"]["output_tokens"]}},
        {"type": "message_stop"},
    ]
    return [sse(event, str(event["type"])) for event in made]
