"""A chat request as Anthropic's Messages API takes it, and its answer in OpenAI's shape."""

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
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class Tokens(msgspec.Struct):
    """A later event tells only what has changed since: what is None has not."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None

    def then(self, later: "Tokens") -> "Tokens":
        told = {name: value for name, value in msgspec.structs.asdict(later).items() if value is not None}
        return msgspec.structs.replace(self, **told)

    def usage(self) -> Usage:
        read = self.cache_read_input_tokens or 0
        asked = (self.input_tokens or 0) + (self.cache_creation_input_tokens or 0) + read
        return Usage(asked, self.output_tokens or 0, read)


class Block(msgspec.Struct):
    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")


class Whole(msgspec.Struct):
    id: str
    model: str
    content: list[Block]
    usage: Tokens
    stop_reason: str | None = None


def request_body(provider: str, call: Call) -> bytes:
    """Raises ProviderError for what Anthropic's API has no words for."""
    request, given = call.request, call.request.given
    content.refuse_several(provider, request)
    body: dict[str, Any] = {
        "model": call.model.upstream,
        "max_tokens": given.output_limit or call.model.output_tokens,
        "messages": content.turns(given.messages, lambda message: _blocks(provider, message)),
    }
    if system := content.system_text(request):
        body["system"] = system
    if given.stream:
        body["stream"] = True
    if given.temperature is not None:
        body["temperature"] = min(1.0, given.temperature)  # theirs ends at 1, OpenAI's at 2
    elif given.top_p is not None:  # newer models refuse both together
        body["top_p"] = given.top_p
    if stops := content.stops(request):
        body["stop_sequences"] = stops
    if given.user:
        body["metadata"] = {"user_id": given.user}
    if schema := content.schema_of(request):
        body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    if given.tools:
        body |= _tools(provider, request)
    return msgspec.json.encode(body)


def _blocks(provider: str, message: Message) -> list[dict[str, Any]]:
    if message.role == "tool":
        result = {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.text()}
        return [result]
    blocks = [_block(provider, part) for part in content.parts_of(message)]
    for called in message.tool_calls or ():
        given = content.arguments(provider, called.function.arguments)
        blocks.append({"type": "tool_use", "id": called.id, "name": called.function.name, "input": given})
    return blocks


def _block(provider: str, part: Part) -> dict[str, Any]:
    if part.text is not None or part.refusal is not None:
        return {"type": "text", "text": part.text or part.refusal}
    if part.image_url is not None:
        inline = content.inline(provider, part.image_url.url)
        if inline is None:
            return {"type": "image", "source": {"type": "url", "url": part.image_url.url}}
        source = {"type": "base64", "media_type": inline[0], "data": inline[1]}
        return {"type": "image", "source": source}
    if part.file is not None and part.file.file_data and part.file.file_data.startswith("data:"):
        inline = content.inline(provider, part.file.file_data)
        if inline is not None and inline[0] == "application/pdf":
            source = {"type": "base64", "media_type": inline[0], "data": inline[1]}
            return {"type": "document", "source": source}
    raise content.unsupported(provider, f"a message's part of type {part.type[:32]}")


def _tools(provider: str, request: ChatRequest) -> dict[str, Any]:
    given = request.given
    tools = []
    for tool in given.tools or ():
        if tool.function is None:
            raise content.unsupported(provider, f"a tool of type {tool.type[:32]}")
        schema = tool.function.parameters or {"type": "object", "properties": {}}
        one = {"name": tool.function.name, "input_schema": schema}
        tools.append(one | ({"description": tool.function.description} if tool.function.description else {}))
    kind = {"auto": "auto", "none": "none", "required": "any"}.get(str(given.tool_choice or "auto"))
    choice: dict[str, Any] = {"type": kind} if kind else {"type": "tool"}
    if kind is None:
        choice["name"] = content.named_tool(given.tool_choice)
        if choice["name"] is None:
            raise content.unsupported(provider, "this tool_choice")
    if given.parallel_tool_calls is False and kind != "none":
        choice["disable_parallel_tool_use"] = True
    return {"tools": tools, "tool_choice": choice}


def answer_body(whole: Whole) -> bytes:
    text = "".join(block.text for block in whole.content if block.type == "text")
    calls = [
        Called(block.id, block.name, bytes(block.input).decode())
        for block in whole.content
        if block.type == "tool_use"
    ]
    finish = FINISH.get(whole.stop_reason or "", "stop")
    return completion(whole.id, whole.model, text=text, calls=calls, finish=finish, usage=whole.usage.usage())
