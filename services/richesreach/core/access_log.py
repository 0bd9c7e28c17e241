"""One structured line a request; the server's own access log is off."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from richesreach.core.logs import logger
from richesreach.core.metrics import CLIENT_CLOSED_REQUEST, endpoint_of

# Asked every few seconds by load balancers and scrapers: at info they would bury the rest.
_QUIET = frozenset({"/health", "/metrics", "/metrics/"})


class AccessLogMiddleware:
    """Logs method, path (without its query, which may hold a token), status and duration."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = CLIENT_CLOSED_REQUEST

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        try:
            await self.app(scope, receive, observe)
        finally:
            quiet = scope["path"] in _QUIET and status < 400
            log = logger().debug if quiet else logger().info
            log(
                "request",
                method=scope["method"],
                path=scope["path"],
                endpoint=endpoint_of(scope),
                status=status,
                duration_ms=round((time.perf_counter() - started) * 1000, 3),
            )
