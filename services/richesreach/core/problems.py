"""Errors as `application/problem+json` (RFC 9457): every error of every service has this one form."""

import math
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from richesreach.core.database import DatabaseUnavailableError
from richesreach.core.logs import logger
from richesreach.core.resilience.errors import (
    BulkheadFullError,
    CircuitOpenError,
    DeadlineExceededError,
    NeighbourError,
    NeighbourUnavailableError,
)

MEDIA_TYPE = "application/problem+json"
# Makes the response out of a problem's members, its status and its headers.
Shape: TypeAlias = Callable[[Mapping[str, Any], int, Mapping[str, str] | None], Response]


class Problem(Exception):  # noqa: N818 (the RFC's own word)
    """An error that a route answers. `kind` is a stable slug that clients may branch on."""

    def __init__(
        self, status: int, kind: str, detail: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})


def problem_response(
    scope: Scope,
    status: int,
    detail: str,
    *,
    kind: str | None = None,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, str]] = (),
) -> Response:
    """The response for one problem, in the shape that the service registered for the path, if it did."""
    body = problem_body(scope, status, detail, kind=kind)
    if errors:
        body["errors"] = list(errors)
    for prefix, shape in shapes_of(scope).items():
        if scope["path"].startswith(prefix):
            return shape(body, status, headers)
    return JSONResponse(body, status, headers=headers, media_type=MEDIA_TYPE)


def shapes_of(scope: Scope) -> Mapping[str, Shape]:
    """Those of paths whose clients expect errors of another form, by the path's beginning.

    A service sets them as `app.state.problem_shapes`.
    """
    app = scope.get("app")
    found: Mapping[str, Shape] = getattr(app.state, "problem_shapes", {}) if app is not None else {}
    return found


def problem_body(scope: Scope, status: int, detail: str, *, kind: str | None = None) -> dict[str, Any]:
    """The members of one problem. Without `kind` its type is about:blank, as the RFC asks."""
    return {
        "type": f"urn:richesreach:problem:{kind}" if kind else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": quote(scope["path"]),
        "request_id": scope.get("state", {}).get("request_id"),
    }


def install(app: FastAPI) -> None:
    """Register the handlers that turn exceptions into problems."""
    app.exception_handler(Problem)(_domain_problem)
    app.exception_handler(HTTPException)(_http_exception)
    app.exception_handler(RequestValidationError)(_validation)
    app.exception_handler(DatabaseUnavailableError)(_database_unavailable)
    app.exception_handler(CircuitOpenError)(_circuit_open)
    app.exception_handler(BulkheadFullError)(_bulkhead_full)
    app.exception_handler(DeadlineExceededError)(_deadline_exceeded)
    app.exception_handler(NeighbourUnavailableError)(_neighbour_unavailable)
    app.exception_handler(NeighbourError)(_neighbour_failed)
    app.exception_handler(TimeoutError)(_dependency_slow)


async def _domain_problem(request: Request, error: Problem) -> Response:
    return problem_response(request.scope, error.status, error.detail, kind=error.kind, headers=error.headers)


async def _http_exception(request: Request, error: HTTPException) -> Response:
    detail = error.detail
    if error.status_code == 404:
        detail = "Nothing is served at this path."
    elif error.status_code == 405:
        detail = f"{request.method} is not allowed here; the Allow header lists what is."
    return problem_response(request.scope, error.status_code, detail, headers=error.headers)


async def _validation(request: Request, error: RequestValidationError) -> Response:
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return problem_response(request.scope, 400, "The body is not valid JSON.", kind="malformed-json")
    # The rejected input is left out: it may be large, or a secret in the wrong field.
    errors = [
        {"in": str(item["loc"][0]), "name": ".".join(map(str, item["loc"][1:])), "detail": item["msg"]}
        for item in found
    ]
    detail = "; ".join(f"{item['name'] or item['in']}: {item['detail']}" for item in errors)
    return problem_response(request.scope, 422, detail, kind="invalid-request", errors=errors)


async def _database_unavailable(request: Request, error: DatabaseUnavailableError) -> Response:
    logger().warning("database_unavailable", path=request.scope["path"], error=str(error))
    detail = "The database does not answer at the moment. Try again in a few seconds."
    headers = {"retry-after": "2"}
    return problem_response(request.scope, 503, detail, kind="database-unavailable", headers=headers)


async def _circuit_open(request: Request, error: CircuitOpenError) -> Response:
    detail = "Something that this needs does not answer at the moment. Try again in a few seconds."
    headers = {"retry-after": str(math.ceil(error.retry_after))}
    return problem_response(request.scope, 503, detail, kind="dependency-unavailable", headers=headers)


async def _bulkhead_full(request: Request, error: BulkheadFullError) -> Response:
    logger().warning("bulkhead_full", path=request.scope["path"], error=str(error))
    detail = "Too many requests of this kind are under way. Try again."
    return problem_response(request.scope, 503, detail, kind="overloaded", headers={"retry-after": "1"})


async def _deadline_exceeded(request: Request, _error: DeadlineExceededError) -> Response:
    detail = "The time that the caller waits was over before the answer was ready."
    return problem_response(request.scope, 504, detail, kind="deadline-exceeded")


async def _neighbour_unavailable(request: Request, error: NeighbourUnavailableError) -> Response:
    logger().warning("neighbour_unavailable", path=request.scope["path"], error=str(error))
    detail = "Something that this needs does not answer at the moment. Try again in a few seconds."
    headers = {"retry-after": "2"}
    return problem_response(request.scope, 503, detail, kind="dependency-unavailable", headers=headers)


async def _neighbour_failed(request: Request, error: NeighbourError) -> Response:
    logger().warning("neighbour_failed", path=request.scope["path"], error=str(error))
    detail = "Something that this needs failed to do its part."
    return problem_response(request.scope, 502, detail, kind="dependency-failed")


async def _dependency_slow(request: Request, _error: TimeoutError) -> Response:
    logger().warning("dependency_slow", path=request.scope["path"])
    detail = "Something that this needs did not answer in time."
    return problem_response(request.scope, 504, detail, kind="dependency-slow")
