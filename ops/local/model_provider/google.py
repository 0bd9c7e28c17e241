"""Google's shape: generateContent and its stream, embeddings in a batch."""

from __future__ import annotations

from typing import Any

from ops.local.model_provider.asked import Asked, instance, vector
from ops.local.model_provider.openai import sse


def read(body: dict[str, Any], model: str, *, stream: bool) -> Asked:
    contents = body.get("contents", [])
    config = body.get("generationConfig") or {}
    declared = [item for tool in body.get("tools") or () for item in tool.get("functionDeclarations", ())]
    answered = any("functionResponse" in part for content in contents for part in content["parts"])
    inputs = [_text(request["content"]) for request in body.get("requests", [])]
    wants_json = config.get("responseMimeType") == "application/json"
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    tool = (declared[0]["name"], declared[0].get("parametersJsonSchema") or {}) if declared else None
    return Asked(
        model=model,
        said=next((_text(c) for c in reversed(contents) if c.get("role", "user") == "user"), ""),
        characters=sum(len(_text(content)) for content in contents) + sum(map(len, inputs)),
        limit=config.get("maxOutputTokens"),
        stream=stream,
        schema=schema,
        wants_json=wants_json,
        tool=None if answered else tool,
        inputs=inputs,
    )


def _text(content: dict[str, Any]) -> str:
    return "".join(part.get("text", "") for part in content.get("parts", ()))


def _answer(asked: Asked, parts: list[dict[str, Any]], finish: str | None, written: int) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    usage = {
        "promptTokenCount": asked.tokens,
        "candidatesTokenCount": written,
        "totalTokenCount": asked.tokens + written,
    }
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": asked.model,
        "responseId": "mock",
    }


def _call(asked: Asked) -> dict[str, Any]:
    name, schema = asked.tool or ("", {})
    return {"functionCall": {"name": name, "args": instance(schema) if schema else {}}}


def content(asked: Asked) -> dict[str, Any]:
    if asked.tool is not None:
        return _answer(asked, [_call(asked)], "STOP", 1)
    words = asked.words()
    finish = "MAX_TOKENS" if asked.cut else "STOP"
    return _answer(asked, [{"text": "".join(words)}], finish, len(words))


def events(asked: Asked) -> list[bytes]:
    if asked.tool is not None:
        return [sse(content(asked))]
    words = asked.words()
    found = []
    for number, word in enumerate(words, 1):
        finish = None if number < len(words) else ("MAX_TOKENS" if asked.cut else "STOP")
        found.append(sse(_answer(asked, [{"text": word}], finish, number)))
    return found


def embeddings(asked: Asked) -> dict[str, Any]:
    return {"embeddings": [{"values": vector(text)} for text in asked.inputs], "mock": True}
