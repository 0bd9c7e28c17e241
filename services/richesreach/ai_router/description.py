"""The published OpenAPI document: raw paths, which no framework knows, and examples."""

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from richesreach.ai_router.wire.chat import ChatFields, ChatResponse
from richesreach.ai_router.wire.embeddings import EmbedFields
from richesreach.ai_router.wire.errors import ErrorBody
from richesreach.core.problems import MEDIA_TYPE

_REFERENCE = "#/components/schemas/{name}"
_SECURITY: list[dict[str, list[str]]] = [{"token": []}, {"key": []}]
_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT or rr_…"},
    "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
}
_MESSAGES = [
    {"role": "system", "content": "You are an analyst of markets."},
    {"role": "user", "content": "What moved the index today?"},
]
_TOOL = {
    "type": "function",
    "function": {
        "name": "latest_price",
        "description": "The latest price of a symbol",
        "parameters": {
            "type": "object",
            "properties": {"symbol": {"type": "string"}},
            "required": ["symbol"],
        },
    },
}
CHAT = {
    "a model by name": {"model": "gpt-4o-mini", "messages": _MESSAGES},
    "the best that fits": {
        "model": "auto",
        "messages": _MESSAGES,
        "richesreach": {"strategy": "cheapest", "task": "summary", "regions": ["eu"]},
    },
    "a stream": {"model": "claude-sonnet-4-5", "messages": _MESSAGES, "stream": True},
    "tools": {"model": "auto", "messages": _MESSAGES, "tools": [_TOOL]},
    "JSON by a schema": {
        "model": "auto",
        "messages": _MESSAGES,
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "trend",
                "schema": {"type": "object", "properties": {"trend": {"enum": ["up", "down"]}}},
            },
        },
    },
}
ROUTE = {
    "a prompt": {"prompt": "What moved the index today?"},
    "explained": {"prompt": "What moved the index today?", "richesreach": {"explain": True, "seed": 1}},
}
BATCH = {"two": {"requests": [{"prompt": "Sum up AAPL."}, {"prompt": "Sum up MSFT."}], "concurrency": 2}}
EMBEDDINGS = {"two texts": {"model": "text-embedding-3-small", "input": ["AAPL rose", "MSFT fell"]}}
_ERRORS = {
    "400": "The request cannot be served as it is; `param` names the member.",
    "401": "Nobody is known by what the request shows.",
    "402": "A budget is spent; `details.budget` has the sums.",
    "404": "No model has this name.",
    "413": "The prompt fits no model; `details` has the counts.",
    "503": "No provider answered; `details.tried` says which were asked.",
}


def install(app: FastAPI) -> None:
    """Answer `app.openapi()` with the raw paths and the examples."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, routes=app.routes)
            app.openapi_schema = completed(document)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # the way that FastAPI documents


def completed(document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    components.setdefault("securitySchemes", {}).update(_SCHEMES)
    kinds = [ChatFields, ChatResponse, EmbedFields, ErrorBody]
    schemas, named = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    components.setdefault("schemas", {}).update(named)
    chat, answer, embed, error = schemas
    paths = document["paths"]
    events = {"description": "Server-sent events of `chat.completion.chunk`, then `[DONE]`"}
    whole = _content({"schema": answer}) | {"text/event-stream": {"schema": {"type": "string"} | events}}
    paths["/v1/chat/completions"] = {"post": _raw("Ask a model", "chat", whole, error, chat, CHAT)}
    listed = {"schema": {"type": "object"}}
    paths["/v1/embeddings"] = {
        "post": _raw("Embed texts", "embeddings", _content(listed), error, embed, EMBEDDINGS)
    }
    paths["/v1/models"] = {"get": _raw("The models that may be named", "models", _content(listed), error)}
    # The routes of /ai take more than the struct says, so that theirs is written here too.
    route = {"allOf": [chat], "properties": {"prompt": {"type": "string"}}}
    _example(paths["/ai/route"]["post"], {"type": "object", **route}, ROUTE)
    batch = {"type": "object", "properties": {"requests": {"type": "array"}}, "required": ["requests"]}
    _example(paths["/ai/route/batch"]["post"], batch, BATCH)
    for path in ("/ai/route", "/ai/route/batch"):
        for status, told in _ERRORS.items():
            problem = {"description": told, "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}
            paths[path]["post"]["responses"].setdefault(status, problem)
    return document


def _content(kind: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": dict(kind)}


def _raw(
    summary: str,
    name: str,
    answer: Mapping[str, Any],
    error: Mapping[str, Any],
    body: Mapping[str, Any] | None = None,
    examples: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """An operation in OpenAI's shape."""
    responses: dict[str, Any] = {"200": {"description": "As OpenAI's API answers", "content": dict(answer)}}
    for status, told in _ERRORS.items():
        responses[status] = {"description": told, "content": _content({"schema": error})}
    operation: dict[str, Any] = {
        "tags": ["openai"],
        "summary": summary,
        "operationId": f"openai_{name}",
        "security": _SECURITY,
        "responses": responses,
    }
    if body is not None:
        _example(operation, body, examples or {})
    return operation


def _example(operation: dict[str, Any], body: Mapping[str, Any], examples: Mapping[str, Any]) -> None:
    named = {name: {"value": value} for name, value in examples.items()}
    content = _content({"schema": dict(body), "examples": named})
    operation["requestBody"] = {"required": True, "content": content}
