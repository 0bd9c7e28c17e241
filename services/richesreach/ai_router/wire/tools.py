"""Whether the tools of a request can be what a provider takes: found here, nothing is paid for."""

import re
from collections.abc import Sequence
from typing import Any

from richesreach.ai_router.wire.errors import RequestError
from richesreach.ai_router.wire.parts import Tool

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
# Of schemas within schemas: beyond it no provider goes, and neither does the stack.
_DEEPEST = 32


def check_tools(tools: Sequence[Tool]) -> None:
    """Raises RequestError that names the tool and what is wrong with it."""
    names = set()
    for number, tool in enumerate(tools):
        place = f"tools[{number}]"
        if tool.type != "function":  # newer kinds are the provider's matter
            continue
        function = tool.function
        if function is None:
            raise _wrong(f"{place}.function", "is missing; a tool of type function has one")
        if not _NAME.fullmatch(function.name):
            raise _wrong(f"{place}.function.name", "must be 1 to 64 letters, digits, _ or -")
        if function.name in names:
            raise _wrong(f"{place}.function.name", f"{function.name} is there twice")
        names.add(function.name)
        if function.parameters:
            kind = function.parameters.get("type", "object")
            if kind != "object":
                raise _wrong(f"{place}.function.parameters.type", "must be object")
            _check_schema(function.parameters, f"{place}.function.parameters", 0)


def _check_schema(schema: object, place: str, depth: int) -> None:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise _wrong(place, "must be a JSON schema, which is an object")
    if depth > _DEEPEST:
        raise _wrong(place, f"lies more than {_DEEPEST} schemas deep")
    _check_words(schema, place)
    for word in ("properties", "$defs"):
        for name, below in schema.get(word, {}).items():
            _check_schema(below, f"{place}.{word}.{name}", depth + 1)
    if "items" in schema:
        _check_schema(schema["items"], f"{place}.items", depth + 1)
    for word in ("anyOf", "oneOf", "allOf"):
        for number, below in enumerate(schema.get(word, [])):
            _check_schema(below, f"{place}.{word}[{number}]", depth + 1)


def _check_words(schema: dict[str, Any], place: str) -> None:
    """The words of one schema have the form that JSON Schema gives them."""
    kinds = schema.get("type", "object")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if not isinstance(kind, str) or kind not in _TYPES:
            raise _wrong(f"{place}.type", f"must be one of {', '.join(sorted(_TYPES))}")
    required = schema.get("required", [])
    if not (isinstance(required, list) and all(isinstance(name, str) for name in required)):
        raise _wrong(f"{place}.required", "must be a list of names")
    for word in ("properties", "$defs"):
        if not isinstance(schema.get(word, {}), dict):
            raise _wrong(f"{place}.{word}", "must be an object of schemas")
    for word in ("anyOf", "oneOf", "allOf"):
        if not isinstance(schema.get(word, []), list):
            raise _wrong(f"{place}.{word}", "must be a list of schemas")


def _wrong(place: str, what: str) -> RequestError:
    return RequestError(f"{place} {what}.", param=place, code="invalid_tool")
