"""Bedrock's shape: Converse, ConverseStream in AWS's event-stream encoding, and Titan's embeddings."""

from __future__ import annotations

import json
import struct
from binascii import crc32
from typing import Any

from ops.local.model_provider.asked import Asked, instance, vector

STREAM = "application/vnd.amazon.eventstream"


def read(body: dict[str, Any], model: str, *, stream: bool) -> Asked:
    messages = body.get("messages", [])
    tools = (body.get("toolConfig") or {}).get("tools", [])
    specs = [tool["toolSpec"] for tool in tools if "toolSpec" in tool]
    answered = any("toolResult" in block for message in messages for block in message["content"])
    tool = (specs[0]["name"], specs[0].get("inputSchema", {}).get("json", {})) if specs else None
    form = ((body.get("outputConfig") or {}).get("textFormat") or {}).get("structure") or {}
    schema = (form.get("jsonSchema") or {}).get("schema")
    given = body.get("inputText", "")
    system = sum(len(block.get("text", "")) for block in body.get("system") or ())
    return Asked(
        model=model,
        said=next((_text(m) for m in reversed(messages) if m["role"] == "user"), ""),
        characters=system + sum(len(_text(message)) for message in messages) + len(given),
        limit=(body.get("inferenceConfig") or {}).get("maxTokens"),
        stream=stream,
        schema=json.loads(schema) if schema else None,
        tool=None if answered else tool,
        inputs=[given],
    )


def _text(message: dict[str, Any]) -> str:
    return "".join(block.get("text", "") for block in message["content"])


def _finish(asked: Asked) -> str:
    if asked.tool is not None:
        return "tool_use"
    return "max_tokens" if asked.cut else "end_turn"


def _usage(asked: Asked) -> dict[str, int]:
    written = len(asked.words())
    return {"inputTokens": asked.tokens, "outputTokens": written, "totalTokens": asked.tokens + written}


def converse(asked: Asked) -> dict[str, Any]:
    block: dict[str, Any] = {"text": "".join(asked.words())}
    if asked.tool is not None:
        name, schema = asked.tool
        block = {"toolUse": {"toolUseId": "mock", "name": name, "input": instance(schema) if schema else {}}}
    return {
        "output": {"message": {"role": "assistant", "content": [block]}},
        "stopReason": _finish(asked),
        "usage": _usage(asked),
        "metrics": {"latencyMs": 1},
    }


def events(asked: Asked) -> list[bytes]:
    deltas: list[dict[str, Any]] = [{"text": word} for word in asked.words()]
    found = [message("messageStart", {"role": "assistant"})]
    if asked.tool is not None:
        name, schema = asked.tool
        start = {"toolUse": {"toolUseId": "mock", "name": name}}
        found.append(message("contentBlockStart", {"start": start, "contentBlockIndex": 0}))
        deltas = [{"toolUse": {"input": json.dumps(instance(schema) if schema else {})}}]
    found += [message("contentBlockDelta", {"delta": delta, "contentBlockIndex": 0}) for delta in deltas]
    found.append(message("contentBlockStop", {"contentBlockIndex": 0}))
    found.append(message("messageStop", {"stopReason": _finish(asked)}))
    found.append(message("metadata", {"usage": _usage(asked), "metrics": {"latencyMs": 1}}))
    return found


def message(kind: str, payload: dict[str, Any], *, exception: bool = False) -> bytes:
    """One message: lengths and their checksum, headers, payload, checksum of all before."""
    headers = {
        ":message-type": "exception" if exception else "event",
        ":exception-type" if exception else ":event-type": kind,
        ":content-type": "application/json",
    }
    head = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for name, value in headers.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack("!II", 16 + len(head) + len(body), len(head))
    begun = prelude + struct.pack("!I", crc32(prelude)) + head + body
    return begun + struct.pack("!I", crc32(begun))


def embedding(asked: Asked) -> dict[str, Any]:
    return {"embedding": vector(asked.inputs[0]), "inputTextTokenCount": asked.tokens, "mock": True}
