"""A chat request as Google's generateContent takes it, and its answer in OpenAI's shape."""

from typing import Any

import msgspec

from richesreach.ai_router.model import Usage
from richesreach.ai_router.providers import content
from richesreach.ai_router.providers.provider import Call
from richesreach.ai_router.wire.answering import Called
from richesreach.ai_router.wire.chat import ChatRequest
from richesreach.ai_router.wire.parts import Message, Part, ToolCall

FINISH = {"STOP": "stop", "MAX_TOKENS": "length", "MALFORMED_FUNCTION_CALL": "stop", "OTHER": "stop"}
_AUDIO = {"wav": "audio/wav", "mp3": "audio/mp3"}
# For a URL whose end says nothing else.
_IMAGE = "image/jpeg"
_IMAGES = {"png": "image/png", "webp": "image/webp", "gif": "image/gif", "heic": "image/heic"}


class FunctionCall(msgspec.Struct):
    name: str
    args: msgspec.Raw = msgspec.Raw(b"{}")
    id: str | None = None


class AnswerPart(msgspec.Struct, rename="camel"):
    """`thought_signature` is to be sent back with the call it came with."""

    text: str | None = None
    thought: bool = False
    function_call: FunctionCall | None = None
    thought_signature: str | None = None


class Content(msgspec.Struct):
    parts: list[AnswerPart] = msgspec.field(default_factory=list)


class AnswerCandidate(msgspec.Struct, rename="camel"):
    content: Content = msgspec.field(default_factory=Content)
    finish_reason: str | None = None


class Counted(msgspec.Struct, rename="camel"):
    prompt_token_count: int = 0
    candidates_token_count: int = 0
    thoughts_token_count: int = 0
    cached_content_token_count: int = 0

    def usage(self) -> Usage:
        written = self.candidates_token_count + self.thoughts_token_count
        return Usage(self.prompt_token_count, written, self.cached_content_token_count)


class Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class Whole(msgspec.Struct, rename="camel"):
    candidates: list[AnswerCandidate] = msgspec.field(default_factory=list)
    prompt_feedback: Feedback | None = None
    usage_metadata: Counted | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: dict[str, Any] | None = None


def request_body(provider: str, call: Call) -> bytes:
    """Raises ProviderError for what Google's API has no words for."""
    request = call.request
    body: dict[str, Any] = {"contents": _contents(provider, request.given.messages)}
    if system := content.system_text(request):
        body["systemInstruction"] = {"parts": [{"text": system}]}
    if config := _config(provider, request):
        body["generationConfig"] = config
    if request.given.tools:
        body |= _tools(provider, request)
    return msgspec.json.encode(body)


def _config(provider: str, request: ChatRequest) -> dict[str, Any]:
    given = request.given
    content.refuse_several(provider, request)
    found: dict[str, Any] = {
        "maxOutputTokens": given.output_limit,
        "temperature": given.temperature,
        "topP": given.top_p,
        "seed": given.seed,
        "stopSequences": content.stops(request) or None,
        "responseJsonSchema": content.schema_of(request),
    }
    if given.response_format is not None and given.response_format.type != "text":
        found["responseMimeType"] = "application/json"
    return {name: value for name, value in found.items() if value is not None}


def _contents(provider: str, messages: list[Message]) -> list[dict[str, Any]]:
    names: dict[str, str] = {}
    found: list[dict[str, Any]] = []
    for message in messages:
        if message.role in {"system", "developer"}:
            continue
        names |= {called.id: called.function.name for called in message.tool_calls or ()}
        role = "model" if message.role == "assistant" else "user"
        parts = _parts(provider, message, names)
        if found and found[-1]["role"] == role:
            found[-1]["parts"] += parts
        elif parts:
            found.append({"role": role, "parts": parts})
    return found


def _parts(provider: str, message: Message, names: dict[str, str]) -> list[dict[str, Any]]:
    if message.role == "tool":
        name = names.get(message.tool_call_id or "")
        if name is None:
            raise content.unsupported(provider, "an answer of a tool that no message before it calls")
        return [{"functionResponse": {"name": name, "response": {"result": message.text()}}}]
    parts = [_part(provider, part) for part in content.parts_of(message)]
    return parts + [_call(provider, called) for called in message.tool_calls or ()]


def _call(provider: str, called: ToolCall) -> dict[str, Any]:
    given = content.arguments(provider, called.function.arguments)
    part: dict[str, Any] = {"functionCall": {"name": called.function.name, "args": given}}
    google = (called.extra_content or {}).get("google")
    if isinstance(google, dict) and isinstance(google.get("thought_signature"), str):
        part["thoughtSignature"] = google["thought_signature"]
    return part


def _part(provider: str, part: Part) -> dict[str, Any]:
    if part.text is not None or part.refusal is not None:
        return {"text": part.text or part.refusal}
    if part.input_audio is not None and part.input_audio.format in _AUDIO:
        kind = _AUDIO[part.input_audio.format]
        return {"inlineData": {"mimeType": kind, "data": part.input_audio.data}}
    url = part.image_url.url if part.image_url else part.file.file_data if part.file else None
    if url is None:
        raise content.unsupported(provider, f"a message's part of type {part.type[:32]}")
    inline = content.inline(provider, url)
    if inline is not None:
        return {"inlineData": {"mimeType": inline[0], "data": inline[1]}}
    ending = url.partition("?")[0].rpartition(".")[2].lower()
    return {"fileData": {"mimeType": _IMAGES.get(ending, _IMAGE), "fileUri": url}}


def _tools(provider: str, request: ChatRequest) -> dict[str, Any]:
    declared = []
    for tool in request.given.tools or ():
        if tool.function is None:
            raise content.unsupported(provider, f"a tool of type {tool.type[:32]}")
        one: dict[str, Any] = {"name": tool.function.name}
        if tool.function.description:
            one["description"] = tool.function.description
        if tool.function.parameters:
            one["parametersJsonSchema"] = tool.function.parameters
        declared.append(one)
    wanted = request.given.tool_choice
    mode = {"auto": "AUTO", "none": "NONE", "required": "ANY"}.get(str(wanted or "auto"))
    config: dict[str, Any] = {"mode": mode or "ANY"}
    if mode is None:
        name = content.named_tool(wanted)
        if name is None:
            raise content.unsupported(provider, "this tool_choice")
        config["allowedFunctionNames"] = [name]
    return {
        "tools": [{"functionDeclarations": declared}],
        "toolConfig": {"functionCallingConfig": config},
    }


def called(part: AnswerPart, number: int, response: str) -> Called | None:
    """The call of a part. Google's calls have no ids, or need none: ours name the response."""
    if part.function_call is None:
        return None
    call, extra = part.function_call, None
    if part.thought_signature is not None:
        extra = {"google": {"thought_signature": part.thought_signature}}
    return Called(call.id or f"call_{response}_{number}", call.name, bytes(call.args).decode(), extra)
