"""The published OpenAPI document: what the framework cannot know of how the core answers."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from richesreach.core.problems import MEDIA_TYPE

_TAGS = (
    {
        "name": "market",
        "description": "Symbols, prices, candles, signals, performance: public, may be cached.",
    },
    {"name": "watchlists", "description": "The caller's own."},
    {"name": "alerts", "description": "The caller's own."},
    {"name": "users", "description": "Becoming a user, tokens, and the own account."},
    {"name": "keys", "description": "API keys of the caller."},
    {"name": "admin", "description": "Users, roles, keys, flags and the audit trail, for admins."},
    {"name": "status", "description": "What the service tells about itself."},
    {"name": "topology", "description": "Which server took a write, and which one answers a read."},
    {"name": "operations", "description": "Health, for probes and people on call."},
)
_PROBLEM: Mapping[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457. `type` is stable, `request_id` finds the request in the logs.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:richesreach:problem:unknown-symbol", "about:blank"]},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": ["string", "null"]},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
    "examples": [
        {
            "type": "urn:richesreach:problem:unknown-symbol",
            "title": "Not Found",
            "status": 404,
            "detail": "No symbol 'XYZ' is known.",
            "instance": "/api/market/prices/XYZ",
            "request_id": "5d21cadb-1489-4224-905c-0b68cc14bfdb",
        }
    ],
}
# Of every operation, of those with a body, and of those that need a caller.
_EVERYWHERE = {
    "429": "The caller's limit is reached; Retry-After says when to come again.",
    "500": "The service failed; the request id finds the cause.",
    "503": "Something that this needs does not answer, or there is too much to do.",
    "504": "The answer was not ready in time.",
}
_WITH_BODY = {"400": "The body is no JSON.", "413": "The body is too large."}
_WITH_CALLER = {"401": "Nobody is known by what the request shows.", "403": "The caller may not do this."}
_UNKNOWN = {"404": "Nothing has this name or id, or nothing of the caller's."}
_AGAINST = {"409": "Something that exists stands against it."}
_INPUT = {"422": "Something in the request is not as it should be; `errors` says what."}


def install(app: FastAPI) -> None:
    """Answer `app.openapi()` with what is added here."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = completed(
                get_openapi(
                    title=app.title,
                    version=app.version,
                    routes=app.routes,
                    tags=[*_TAGS],
                    description="Errors are problems (RFC 9457). GraphQL is at /graphql: docs/graphql.md.",
                )
            )
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # the way that FastAPI documents


def completed(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = dict(_PROBLEM)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation)
    return document


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    if "operations" in operation["tags"]:  # health has neither limits nor problems: its answer is the report
        return
    responses = operation["responses"]
    for status, description in _wanted(path, method, operation).items():
        responses.setdefault(status, {"description": description})
    for status, response in responses.items():
        if status >= "400":
            response["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        if status == "304":
            response.pop("content", None)
    operation["responses"] = dict(sorted(responses.items()))


def _wanted(path: str, method: str, operation: dict[str, Any]) -> dict[str, str]:
    """Descriptions of the errors that an operation may answer, by status."""
    wanted = dict(_EVERYWHERE)
    if "requestBody" in operation:
        wanted |= _WITH_BODY
    if operation.get("security"):
        wanted |= _WITH_CALLER
        if method in {"post", "put", "patch"}:
            wanted |= _AGAINST
    if "{" in path:
        wanted |= _UNKNOWN
    if operation["responses"].pop("422", None) is not None:
        wanted |= _INPUT
    return wanted
