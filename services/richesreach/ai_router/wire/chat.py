"""A chat request and its answer.

A request is read twice: once into the members that routing needs, once into members that stay the bytes they
were. What goes out to an OpenAI-compatible provider is those bytes with the model's name replaced, so that
tools, images, JSON mode and members that nobody here has heard of pass through unharmed.
"""

from collections.abc import Sequence
from typing import Any, Self

import msgspec
from msgspec import Raw

from richesreach.ai_router.model import Usage
from richesreach.ai_router.wire.errors import RequestError
from richesreach.ai_router.wire.options import Options
from richesreach.ai_router.wire.parts import Message, ResponseFormat, Tool, ToolCall
from richesreach.ai_router.wire.reading import MEMBERS, Told, read
from richesreach.ai_router.wire.tools import check_tools


class StreamOptions(msgspec.Struct):
    include_usage: bool = False


class ChatFields(msgspec.Struct):
    """The members that anything here looks at. Numbers are bounded by the providers, which know theirs."""

    model: str
    messages: list[Message]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    tools: list[Tool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    user: str | None = None
    richesreach: Options | None = None

    @property
    def output_limit(self) -> int | None:
        """Tokens that the caller allows for the answer; None where it does not say."""
        return self.max_completion_tokens or self.max_tokens


_FIELDS = msgspec.json.Decoder(ChatFields)
_MESSAGES = msgspec.json.Decoder(list[Raw])
_TRUE = Raw(b"true")
_WITH_USAGE = Raw(b'{"include_usage":true}')
_NO_OPTIONS = Options()


class ChatRequest(Told[ChatFields]):
    __slots__ = ()

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Raises RequestError, whose text names the member at fault."""
        given, members = read(body, _FIELDS)
        if not given.messages:
            raise RequestError("messages is empty: send at least one.", param="messages")
        if given.tools is not None:
            check_tools(given.tools)
        members.pop("richesreach", None)
        return cls(given, members, given.richesreach or _NO_OPTIONS)

    @classmethod
    def of(cls, messages: Sequence[dict[str, Any]], *, model: str = "auto", **members: Any) -> Self:
        """A request of the router's own, such as a task's. Raises RequestError."""
        return cls.read(msgspec.json.encode({"model": model, "messages": list(messages), **members}))

    @property
    def streams(self) -> bool:
        return bool(self.given.stream)

    @property
    def tells_usage(self) -> bool:
        """Whether the caller wants the usage as a stream's last event."""
        options = self.given.stream_options
        return options is not None and options.include_usage

    def raw_messages(self) -> list[Raw]:
        """Each message as it came, in the order of `given.messages`."""
        return _MESSAGES.decode(self.members["messages"])

    def with_messages(self, messages: Sequence[Raw | Message | dict[str, Any]]) -> "ChatRequest":
        """The same request with other messages: those of `raw_messages` that stay, and new ones."""
        encoded = msgspec.json.encode(list(messages))
        given = msgspec.structs.replace(self.given, messages=msgspec.json.decode(encoded, type=list[Message]))
        return ChatRequest(given, {**self.members, "messages": Raw(encoded)}, self.options)

    def with_members(self, **members: Any) -> "ChatRequest":
        """The same request with members replaced, or removed where None. Raises RequestError."""
        merged = {name: value for name, value in self.members.items() if members.get(name, value) is not None}
        merged |= {
            name: Raw(msgspec.json.encode(value)) for name, value in members.items() if value is not None
        }
        changed = type(self).read(msgspec.json.encode(merged))
        changed.options = self.options
        return changed

    def body_for(self, upstream: str) -> bytes:
        """What an OpenAI-compatible provider is sent: its own name of the model, and usage of a stream."""
        members: dict[str, object] = {**self.members, "model": upstream}
        if self.given.stream:
            options = self.members.get("stream_options")
            if self.given.stream_options is None or options is None:
                members["stream_options"] = _WITH_USAGE
            elif not self.given.stream_options.include_usage:
                members["stream_options"] = MEMBERS.decode(options) | {"include_usage": _TRUE}
        return msgspec.json.encode(members)


# ------------------------------------------------------------------------------------------------- answers


class PromptDetails(msgspec.Struct, omit_defaults=True):
    cached_tokens: int | None = 0


class UsageFields(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    prompt_tokens_details: PromptDetails | None = None

    def usage(self) -> Usage:
        details = self.prompt_tokens_details
        cached = (details.cached_tokens or 0) if details else 0
        return Usage(self.prompt_tokens, self.completion_tokens, min(cached, self.prompt_tokens))


class AnswerMessage(msgspec.Struct, omit_defaults=True):
    role: str = "assistant"
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None


class Choice(msgspec.Struct):
    index: int = 0
    message: AnswerMessage = msgspec.field(default_factory=AnswerMessage)
    finish_reason: str | None = None


class ChatResponse(msgspec.Struct):
    """An answer read in full: for tasks and records; callers get the bytes."""

    id: str
    model: str
    choices: list[Choice]
    created: int = 0
    object: str = "chat.completion"
    usage: UsageFields | None = None

    @property
    def text(self) -> str:
        """What the first choice says."""
        return (self.choices[0].message.content or "") if self.choices else ""


_RESPONSE = msgspec.json.Decoder(ChatResponse)


def read_response(body: bytes) -> ChatResponse:
    """Raises msgspec.DecodeError."""
    return _RESPONSE.decode(body)
