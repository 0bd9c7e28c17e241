"""OpenAI's shape: chat completions, embeddings, models."""

from __future__ import annotations

import json
from typing import Any

from ops.local.model_provider.asked import Asked, instance, vector

CREATED = 1_700_000_000


def read(body: dict[str, Any]) -> Asked:
    messages = body.get("messages", [])
    form = body.get("response_format") or {}
    tools = [tool["function"] for tool in body.get("tools") or () if "function" in tool]
    answered = any(message.get("role") == "tool" for message in messages)
    given = body.get("input", [])
    inputs = [given] if isinstance(given, str) else [str(item) for item in given]
    return Asked(
        model=body["model"],
        said=next((_text(m) for m in reversed(messages) if m.get("role") == "user"), ""),
        characters=sum(len(_text(message)) for message in messages) + sum(map(len, inputs)),
        limit=body.get("max_completion_tokens") or body.get("max_tokens"),
        stream=bool(body.get("stream")),
        schema=form.get("json_schema", {}).get("schema"),
        wants_json=form.get("type") == "json_object",
        tool=(tools[0]["name"], tools[0].get("parameters") or {}) if tools and not answered else None,
        inputs=inputs,
        usage_wanted=bool((body.get("stream_options") or {}).get("include_usage")),
    )


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def chat(asked: Asked) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    finish, written = "stop", 1
    if asked.tool is not None:
        message["tool_calls"] = [_call(asked)]
        finish = "tool_calls"
    else:
        words = asked.words()
        message["content"], written = "".join(words), len(words)
        finish = "length" if asked.cut else "stop"
    return {
        "id": "chatcmpl-mock",
        "object": "chat.completion",
        "created": CREATED,
        "model": asked.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": _usage(asked.tokens, written),
        "system_fingerprint": "mock",
    }


def _call(asked: Asked) -> dict[str, Any]:
    name, schema = asked.tool or ("", {})
    arguments = json.dumps(instance(schema) if schema else {})
    return {"id": "call_mock", "type": "function", "function": {"name": name, "arguments": arguments}}


def _usage(prompt: int, completion: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


def events(asked: Asked, *, with_usage: bool) -> list[bytes]:
    """Every event of a stream, the last of them `[DONE]`."""
    found = []

    def add(delta: dict[str, Any] | None, finish: str | None, usage: dict[str, Any] | None = None) -> None:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        event = {
            "id": "chatcmpl-mock",
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": asked.model,
            "choices": [] if delta is None else [choice],
            "usage": usage,
        }
        found.append(sse(event))

    add({"role": "assistant", "content": ""}, None)
    written = 1
    if asked.tool is not None:
        call = _call(asked)
        arguments = call["function"]["arguments"]
        call["function"]["arguments"] = ""
        add({"tool_calls": [{"index": 0, **call}]}, None)
        add({"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]}, None)
        add({}, "tool_calls")
    else:
        words = asked.words()
        written = len(words)
        for word in words:
            add({"content": word}, None)
        add({}, "length" if asked.cut else "stop")
    if asked.usage_wanted and with_usage:
        add(None, None, _usage(asked.tokens, written))
    return [*found, b"data: [DONE]\n\n"]


def sse(event: dict[str, Any], name: str | None = None) -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(event, separators=(',', ':'))}\n\n".encode()


def embeddings(asked: Asked) -> dict[str, Any]:
    data = [
        {"object": "embedding", "index": number, "embedding": vector(text)}
        for number, text in enumerate(asked.inputs)
    ]
    usage = {"prompt_tokens": asked.tokens, "total_tokens": asked.tokens}
    return {"object": "list", "model": asked.model, "data": data, "usage": usage, "mock": True}


def models() -> dict[str, Any]:
    names = ("gpt-4o", "gpt-4o-mini", "text-embedding-3-small")
    found = [{"id": name, "object": "model", "created": CREATED, "owned_by": "mock"} for name in names]
    return {"object": "list", "data": found}
