"""Schemas of requests that are decoded elsewhere, for the OpenAPI document: one definition serves both."""

from collections.abc import Mapping
from typing import Any

import msgspec

_REFERENCE = "#/definitions/"


def schema_of(kind: type) -> dict[str, Any]:
    """JSON schema of a struct without references: the document has no place of its own for their targets."""
    (schema,), definitions = msgspec.json.schema_components([kind], ref_template=_REFERENCE + "{name}")
    expanded: dict[str, Any] = _expanded(schema, definitions)
    return expanded


def request_body(kind: type, examples: Mapping[str, Any]) -> dict[str, Any]:
    """`openapi_extra` of a route that takes such a body."""
    named = {name: {"value": value} for name, value in examples.items()}
    content = {"application/json": {"schema": schema_of(kind), "examples": named}}
    return {"requestBody": {"required": True, "content": content}}


def response(kind: type, description: str) -> dict[str, Any]:
    """One entry of `responses`."""
    return {"description": description, "content": {"application/json": {"schema": schema_of(kind)}}}


def _expanded(schema: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_expanded(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _expanded(definitions[schema["$ref"].removeprefix(_REFERENCE)], definitions)
    return {key: _expanded(value, definitions) for key, value in schema.items()}
