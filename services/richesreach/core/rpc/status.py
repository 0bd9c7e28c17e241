"""Problems as gRPC says them, and back: the same errors, whichever way a service is asked."""

from http import HTTPStatus

import grpc

from richesreach.core.database import DatabaseUnavailableError
from richesreach.core.problems import Problem
from richesreach.core.resilience.errors import (
    BulkheadFullError,
    CircuitOpenError,
    DeadlineExceededError,
    NeighbourError,
    NeighbourUnavailableError,
)

# The problem's slug, beside the status, in the trailing metadata.
KIND = "x-richesreach-problem"

_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ABORTED,
    412: grpc.StatusCode.FAILED_PRECONDITION,
    413: grpc.StatusCode.OUT_OF_RANGE,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    501: grpc.StatusCode.UNIMPLEMENTED,
    502: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
_STATUSES = {code: status for status, code in reversed(_CODES.items())}
# Another try may succeed, and does no harm.
UNAVAILABLE = frozenset({grpc.StatusCode.UNAVAILABLE})
# The neighbour failed; every other code speaks against the call.
FAILED = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS})


def code_of(problem: Problem) -> grpc.StatusCode:
    return _CODES.get(problem.status, grpc.StatusCode.UNKNOWN)


# What an error means to whoever called, as over HTTP; the first that fits.
_MEANINGS: tuple[tuple[type[Exception], int, str, str], ...] = (
    (DatabaseUnavailableError, 503, "database-unavailable", "The database does not answer at the moment."),
    (DeadlineExceededError, 504, "deadline-exceeded", "The time that the caller waits was over."),
    (TimeoutError, 504, "dependency-slow", "Something that this needs did not answer in time."),
    (BulkheadFullError, 503, "overloaded", "Too many requests of this kind are under way."),
    (CircuitOpenError, 503, "dependency-unavailable", "Something that this needs does not answer."),
    (NeighbourUnavailableError, 503, "dependency-unavailable", "Something that this needs does not answer."),
    (NeighbourError, 502, "dependency-failed", "Something that this needs failed to do its part."),
)


def problem_of(error: Exception) -> Problem | None:
    """None for an error that nobody expected."""
    if isinstance(error, Problem):
        return error
    for kind, status, slug, detail in _MEANINGS:
        if isinstance(error, kind):
            return Problem(status, slug, detail)
    return None


def refusal_of(code: grpc.StatusCode, detail: str, kind: str) -> Problem:
    """The problem that a neighbour answered with."""
    status = _STATUSES.get(code, HTTPStatus.INTERNAL_SERVER_ERROR)
    return Problem(int(status), kind or code.name.lower().replace("_", "-"), detail)
