"""One structured line a request; the server's own access log is off."""

from starlette.types import Scope

from richesreach.core import logs

# Asked every few seconds by load balancers and scrapers: at info they would bury the rest.
_QUIET = frozenset({"/health", "/metrics", "/metrics/"})


def log_request(scope: Scope, endpoint: str, status: int, seconds: float) -> None:
    """Method, path (without its query, which may hold a token), status and duration."""
    path = scope["path"]
    logs.line(
        "debug" if path in _QUIET and status < 400 else "info",
        {
            "event": "request",
            "method": scope["method"],
            "path": path,
            "endpoint": endpoint,
            "status": status,
            "duration_ms": round(seconds * 1000, 3),
        },
    )
