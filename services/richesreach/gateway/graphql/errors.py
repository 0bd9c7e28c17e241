"""GraphQL errors as callers see them: a message, a code that clients may branch on, and the request's id."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLError

from richesreach.core.database import DatabaseUnavailableError
from richesreach.core.logs import logger
from richesreach.core.problems import Problem
from richesreach.core.resilience.errors import (
    BulkheadFullError,
    CircuitOpenError,
    DeadlineExceededError,
    NeighbourUnavailableError,
)
from richesreach.gateway.market.errors import MarketError

INTERNAL, UNAVAILABLE, INVALID = "INTERNAL", "SERVICE_UNAVAILABLE", "BAD_USER_INPUT"

# The code of an error that a route would answer with this status.
_CODES: Mapping[int, str] = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    409: "CONFLICT",
    422: INVALID,
    429: "RATE_LIMITED",
    503: UNAVAILABLE,
    504: "DEADLINE_EXCEEDED",
}
STATUSES: Mapping[str, int] = {code: status for status, code in _CODES.items()} | {INTERNAL: 500}
_UNAVAILABLE = (
    DatabaseUnavailableError,
    CircuitOpenError,
    BulkheadFullError,
    NeighbourUnavailableError,
    TimeoutError,
)


class RequestError(Exception):
    """Nothing of the request was done; `status` is what HTTP answers."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        errors: Sequence[GraphQLError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self._errors = errors

    def formatted(self, request_id: str) -> list[dict[str, Any]]:
        if not self._errors:
            return [_form(GraphQLError(self.message), self.message, self.code, request_id)]
        return [_form(error, error.message, self.code, request_id) for error in self._errors]


def formatted(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """What the caller may know of an error of execution; all of it is in the log where it is our fault."""
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    code, message = _known(cause, error)
    if code == INTERNAL:
        logger().error("graphql_failed", path=_path(error), exc_info=cause)
    elif code == UNAVAILABLE:
        logger().warning("graphql_unavailable", path=_path(error), error=str(cause))
    return _form(error, message, code, request_id)


def _known(cause: BaseException | None, error: GraphQLError) -> tuple[str, str]:
    if cause is None:  # the library's own: a variable or an argument of the wrong form
        return INVALID, error.message
    if isinstance(cause, MarketError):
        return _CODES.get(cause.status, INVALID), str(cause)
    if isinstance(cause, Problem):
        return _CODES.get(cause.status, INVALID), cause.detail
    if isinstance(cause, DeadlineExceededError):
        return _CODES[504], "The time that the caller waits was over before this was ready."
    if isinstance(cause, _UNAVAILABLE):
        return UNAVAILABLE, "Something that this needs does not answer at the moment. Try again."
    return INTERNAL, "The service failed to answer this. The request id finds the cause in its logs."


def _form(error: GraphQLError, message: str, code: str, request_id: str) -> dict[str, Any]:
    form: dict[str, Any] = {"message": message}
    if error.locations:
        form["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path is not None:
        form["path"] = error.path
    form["extensions"] = {"code": code, "requestId": request_id}
    return form


def _path(error: GraphQLError) -> str:
    return ".".join(map(str, error.path or ()))
