"""Messages and tools of a chat request, as far as anything here looks into them.

Fields that are not named are not lost: a request is passed on as the bytes that came (`wire.chat`). These
structs are for counting, filtering, and for providers that speak another shape.
"""

from typing import Any

import msgspec


class ImageUrl(msgspec.Struct):
    """`url` is an https URL or `data:<type>;base64,<data>`."""

    url: str
    detail: str | None = None


class InputAudio(msgspec.Struct):
    data: str
    format: str


class FileInput(msgspec.Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class Part(msgspec.Struct, omit_defaults=True):
    """One part of a content: text, image_url, input_audio, file, refusal, or one that is newer than this."""

    type: str
    text: str | None = None
    image_url: ImageUrl | None = None
    input_audio: InputAudio | None = None
    file: FileInput | None = None
    refusal: str | None = None


class CalledFunction(msgspec.Struct):
    """`arguments` is JSON, as text, and may be malformed: a model wrote it."""

    name: str = ""
    arguments: str = ""


class ToolCall(msgspec.Struct, omit_defaults=True):
    """`extra_content` is what the provider that made the call wants back with it."""

    id: str = ""
    type: str = "function"
    function: CalledFunction = msgspec.field(default_factory=CalledFunction)
    extra_content: dict[str, Any] | None = None


class Message(msgspec.Struct, omit_defaults=True):
    role: str
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None

    def text(self) -> str:
        """All text of the content, in order."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text or part.refusal or "" for part in self.content or ())


class Function(msgspec.Struct, omit_defaults=True):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(msgspec.Struct, omit_defaults=True):
    type: str
    function: Function | None = None


class JsonSchema(msgspec.Struct, omit_defaults=True):
    name: str
    schema: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None


class ResponseFormat(msgspec.Struct, omit_defaults=True):
    """`type` is text, json_object or json_schema."""

    type: str
    json_schema: JsonSchema | None = None
