"""A chat request as Bedrock's Converse takes it, and its answer in OpenAI's shape."""

import json
from typing import Any

import msgspec

from richesreach.ai_router.model import Usage
from richesreach.ai_router.providers import content
from richesreach.ai_router.providers.provider import Call
from richesreach.ai_router.wire.answering import Called, completion
from richesreach.ai_router.wire.chat import ChatRequest
from richesreach.ai_router.wire.parts import Message, Part

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}


class Counted(msgspec.Struct, rename="camel"):
    """`input_tokens` is without what was read from the cache or written to it."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_write_input_tokens: int = 0

    def usage(self) -> Usage:
        read = self.cache_read_input_tokens
        return Usage(self.input_tokens + read + self.cache_write_input_tokens, self.output_tokens, read)


class ToolUse(msgspec.Struct, rename="camel"):
    tool_use_id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")


class Block(msgspec.Struct, rename="camel"):
    text: str = ""
    tool_use: ToolUse | None = None


class AnswerMessage(msgspec.Struct):
    content: list[Block] = msgspec.field(default_factory=list)


class Output(msgspec.Struct):
    message: AnswerMessage


class Whole(msgspec.Struct, rename="camel"):
    output: Output
    stop_reason: str
    usage: Counted


def request_body(provider: str, call: Call) -> bytes:
    """Raises ProviderError for what Converse has no words for."""
    request, given = call.request, call.request.given
    content.refuse_several(provider, request)
    config = {
        "maxTokens": given.output_limit,
        "temperature": None if given.temperature is None else min(1.0, given.temperature),
        "topP": given.top_p if given.temperature is None else None,
        "stopSequences": content.stops(request) or None,
    }
    body: dict[str, Any] = {
        "messages": content.turns(given.messages, lambda message: _blocks(provider, message))
    }
    if found := {name: value for name, value in config.items() if value is not None}:
        body["inferenceConfig"] = found
    if system := content.system_text(request):
        body["system"] = [{"text": system}]
    if schema := content.schema_of(request):
        if "json_schema" not in call.model.features:
            raise content.unsupported(provider, f"response_format json_schema with {call.model.name}")
        body["outputConfig"] = _form(request, schema)
    if given.tools and given.tool_choice != "none":
        body["toolConfig"] = _tools(provider, request)
    return msgspec.json.encode(body)


def _form(request: ChatRequest, schema: dict[str, Any]) -> dict[str, Any]:
    """Amazon Bedrock's user guide, "Get validated JSON results from models": the schema is a text."""
    named = request.given.response_format and request.given.response_format.json_schema
    definition = {"schema": msgspec.json.encode(schema).decode()}
    if named:
        definition["name"] = named.name
        if named.description is not None:
            definition["description"] = named.description
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}}}


def _blocks(provider: str, message: Message) -> list[dict[str, Any]]:
    if message.role == "tool":
        result = {"toolUseId": message.tool_call_id, "content": [{"text": message.text()}]}
        return [{"toolResult": result}]
    blocks = [_block(provider, part) for part in content.parts_of(message)]
    for called in message.tool_calls or ():
        given = content.arguments(provider, called.function.arguments)
        use = {"toolUseId": called.id, "name": called.function.name, "input": given}
        blocks.append({"toolUse": use})
    return blocks


def _block(provider: str, part: Part) -> dict[str, Any]:
    if part.text is not None or part.refusal is not None:
        return {"text": part.text or part.refusal}
    if part.image_url is not None:
        inline = content.inline(provider, part.image_url.url)
        if inline is not None and inline[0] in _IMAGES:
            return {"image": {"format": _IMAGES[inline[0]], "source": {"bytes": inline[1]}}}
    raise content.unsupported(provider, f"a message's part of type {part.type[:32]}, unless it is inline,")


def _tools(provider: str, request: ChatRequest) -> dict[str, Any]:
    tools = []
    for tool in request.given.tools or ():
        if tool.function is None:
            raise content.unsupported(provider, f"a tool of type {tool.type[:32]}")
        schema = tool.function.parameters or {"type": "object", "properties": {}}
        spec: dict[str, Any] = {"name": tool.function.name, "inputSchema": {"json": schema}}
        if tool.function.description:
            spec["description"] = tool.function.description
        tools.append({"toolSpec": spec})
    wanted = request.given.tool_choice
    kind = {"auto": "auto", "required": "any"}.get(str(wanted or "auto"))
    if kind is not None:
        return {"tools": tools, "toolChoice": {kind: {}}}
    name = content.named_tool(wanted)
    if name is None:
        raise content.unsupported(provider, "this tool_choice")
    return {"tools": tools, "toolChoice": {"tool": {"name": name}}}


def answer_body(whole: Whole, id: str, model: str) -> bytes:
    blocks = whole.output.message.content
    calls = [
        Called(block.tool_use.tool_use_id, block.tool_use.name, bytes(block.tool_use.input).decode())
        for block in blocks
        if block.tool_use is not None
    ]
    text = "".join(block.text for block in blocks)
    finish = FINISH.get(whole.stop_reason, "stop")
    return completion(id, model, text=text, calls=calls, finish=finish, usage=whole.usage.usage())


def titan_body(text: str, dimensions: int | None) -> bytes:
    body: dict[str, Any] = {"inputText": text}
    if dimensions is not None:
        body["dimensions"] = dimensions
    return json.dumps(body).encode()
