"""What every request goes through on its way to a route and back.

One middleware and one object a request, not a wrapper for each concern: each wrapper is a coroutine more on
the way in and a function more on the way out, and twelve of them cost more than most routes. What is done is
in the modules that `exchange` imports, each of them without ASGI; when it is done is said there alone.
"""

from collections.abc import Awaitable, Mapping
from typing import Any

from starlette.types import ASGIApp, ExceptionHandler, Receive, Scope, Send

from richesreach.core.exchange import Concerns, Exchange, Passing
from richesreach.core.identity import REGION
from richesreach.core.resilience.alarm import Alarms


class Passage:
    """The outermost part of an application. `handlers` answer errors, by class."""

    def __init__(self, app: ASGIApp, concerns: Concerns, handlers: Mapping[Any, ExceptionHandler]) -> None:
        region = (REGION.encode(), concerns.region.encode())
        self._passing = Passing(app, concerns, handlers, Alarms(), region)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        kind = scope["type"]
        if kind == "http":
            return Exchange(self._passing, scope, receive, send).http()
        if kind == "websocket":
            return Exchange(self._passing, scope, receive, send).websocket()
        return self._passing.app(scope, receive, send)
