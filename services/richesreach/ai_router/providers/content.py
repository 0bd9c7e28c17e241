"""What all translations of messages need: images out of URLs, arguments out of text, what cannot be said."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from richesreach.ai_router.model import Failure, ProviderError
from richesreach.ai_router.wire.chat import ChatRequest
from richesreach.ai_router.wire.embeddings import EmbedRequest
from richesreach.ai_router.wire.parts import Message, Part

_DATA = re.compile(r"data:([a-z]+/[a-zA-Z0-9.+-]+);base64,([A-Za-z0-9+/=\s]+)")
ONLY_JSON = "Answer with one JSON value and nothing else: no explanation, no code fence."


def unsupported(provider: str, what: str) -> ProviderError:
    return ProviderError(Failure.INVALID_REQUEST, provider, f"{what} cannot be passed on to this provider")


def inline(provider: str, url: str) -> tuple[str, str] | None:
    """Media type and base64 of a `data:` URL; None for another kind of URL, which the provider may fetch.

    Raises ProviderError for one that is neither `data:` nor https.
    """
    if match := _DATA.fullmatch(url):
        return match[1], match[2]
    if not url.startswith("https://"):
        raise unsupported(provider, "an image that is neither data:…;base64,… nor https://…")
    return None


def arguments(provider: str, text: str) -> dict[str, Any]:
    """What a model called a tool with. Raises ProviderError for what is no JSON object."""
    if not text.strip():
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        detail = "arguments of a tool call in the messages are no JSON object"
        raise ProviderError(Failure.INVALID_REQUEST, provider, detail) from error


def parts_of(message: Message) -> list[Part]:
    if isinstance(message.content, str):
        return [Part("text", text=message.content)] if message.content else []
    return message.content or []


def turns(messages: Sequence[Message], blocks_of: Callable[[Message], list[Any]]) -> list[dict[str, Any]]:
    """Roles alternate: what follows another message of its role is joined to it."""
    found: list[dict[str, Any]] = []
    for message in messages:
        if message.role in {"system", "developer"}:
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = blocks_of(message)
        if found and found[-1]["role"] == role:
            found[-1]["content"] += blocks
        elif blocks:
            found.append({"role": role, "content": blocks})
    return found


def texts_of(provider: str, request: EmbedRequest) -> list[str]:
    """What is to be embedded. Raises ProviderError for an input of tokens."""
    texts = [item for item in request.inputs if isinstance(item, str)]
    if len(texts) != len(request.inputs):
        raise unsupported(provider, "an input of tokens")
    return texts


def system_text(request: ChatRequest) -> str:
    """What system and developer messages say together, and that JSON is wanted where a mode says so."""
    said = [message.text() for message in request.given.messages if message.role in {"system", "developer"}]
    form = request.given.response_format
    if form is not None and form.type == "json_object":
        said.append(ONLY_JSON)
    return "\n\n".join(said)


def refuse_several(provider: str, request: ChatRequest) -> None:
    if request.given.n not in {None, 1}:
        raise unsupported(provider, "n > 1")


def stops(request: ChatRequest) -> list[str]:
    stop = request.given.stop
    return [stop] if isinstance(stop, str) else stop or []


def schema_of(request: ChatRequest) -> dict[str, Any] | None:
    """The JSON schema that the answer is to follow."""
    form = request.given.response_format
    return form.json_schema.schema if form is not None and form.json_schema is not None else None


def named_tool(choice: object) -> str | None:
    """The function's name of a tool_choice that is an object."""
    if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        name = choice["function"].get("name")
        return name if isinstance(name, str) else None
    return None
