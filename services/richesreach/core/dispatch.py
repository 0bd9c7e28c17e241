"""From a request to what answers it: direct paths at once, and a framework's route without trying each.

FastAPI compares a path with one route after the other, each with an expression of its own, and asks routers
that are included twice: 0.2 ms for fifty routes, more than most of them take to answer.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TypeAlias

from fastapi.routing import APIRoute, APIRouter, RouteContext, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

# Method and path, both exact, and the ASGI application that answers.
Direct: TypeAlias = Mapping[tuple[str, str], ASGIApp]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a direct path is, as metrics and logs name it, and what answers there by method."""

    path: str
    handlers: dict[str, ASGIApp] = field(default_factory=dict)


class DirectPaths:
    """What is answered without the framework. To be complete before the first request."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}

    def add(self, direct: Direct) -> None:
        """Raises ValueError for a path with parameters or none, or a pair that is there already."""
        for (method, path), handler in direct.items():
            if not path.startswith("/") or "{" in path or method != method.upper():
                raise ValueError(f"{method} {path}: a direct route has an upper-case method and a fixed path")
            place = self._places.setdefault(path, Place(path))
            if method in place.handlers:
                raise ValueError(f"{method} {path} is answered directly already")
            place.handlers[method] = handler

    def at(self, path: str) -> Place | None:
        return self._places.get(path)


class Dispatch:
    """`framework` takes whatever is neither direct nor found: WebSockets, what is not there, a wrong method.

    What handlers raise goes on to the passage, which turns it into a problem. Body, deadline and all else
    that a passage looks after are the same for a direct handler.
    """

    def __init__(self, direct: DirectPaths, router: APIRouter, framework: ASGIApp) -> None:
        self._direct = direct
        self._router = router
        self._framework = framework
        self._routes = Routes(router.routes)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self._framework(scope, receive, send)
        place = self._direct.at(scope["path"])
        if place is not None:
            handler = place.handlers.get(scope["method"])
            if handler is not None:
                scope["route"] = place
                return handler(scope, receive, send)
            self._expect_elsewhere(scope, place)
        found = self._known().find(scope)
        return (found.app if found is not None else self._framework)(scope, receive, send)

    def _known(self) -> "Routes":
        if self._routes.number != len(self._router.routes):
            self._routes = Routes(self._router.routes)
        return self._routes

    def _expect_elsewhere(self, scope: Scope, place: Place) -> None:
        """Raises HTTPException 405 where no route of the framework takes the method either."""
        allowed = set(place.handlers)
        for context in iter_route_contexts(self._router.routes):
            match, _ = context.matches(scope)
            if match is Match.FULL:
                return
            if match is Match.PARTIAL:
                allowed |= context.methods or set()
        scope["route"] = place
        raise HTTPException(405, headers={"allow": ", ".join(sorted(allowed))})


class Found:
    """A route of the framework: its template, which metrics and logs name, and its application."""

    __slots__ = ("app", "context", "endpoint", "fixed", "matches", "path")

    def __init__(self, context: RouteContext) -> None:
        self.context = context
        self.path = str(context.path)
        self.fixed = not context.param_convertors
        self.endpoint = context.endpoint
        self.matches: Callable[[Scope], tuple[Match, Scope]] = context.matches
        app: ASGIApp = context.app
        self.app = _closing(app) if isinstance(context.original_route, APIRoute) else app


def _closing(app: ASGIApp) -> ASGIApp:
    """With a place for what FastAPI closes at the end of a request: files of a form."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async with AsyncExitStack() as stack:
            scope["fastapi_middleware_astack"] = stack
            await app(scope, receive, send)

    return answer


class Routes:
    """The routes of a framework as they are now; `number` of them, to see that there are more."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self.number = len(routes)
        self._routes: list[Found] = []
        # By method and path, where neither has parameters: those that were asked for already.
        self._known: dict[tuple[str, str], Found] = {}
        self._fixed: dict[str, int] = {}
        templates = []
        for context in iter_route_contexts(routes):
            if isinstance(context.original_route, WebSocketRoute):
                continue
            if not isinstance(context.original_route, Route):
                break  # a mounted application: from here on the framework looks itself
            place, route = len(self._routes), Found(context)
            self._routes.append(route)
            if route.fixed:
                self._fixed.setdefault(route.path, place)
            else:
                # An expression for all of them may hold each name once only.
                unnamed = re.sub(r"\(\?P<\w+>", "(?:", context.path_regex.pattern)
                templates.append(f"{unnamed}(?P<_{place}>)")
        self._templates = re.compile("|".join(templates) or r"(?!)")

    def find(self, scope: Scope) -> Found | None:
        """The first route for this path and method, with what it takes from the path in `scope`."""
        method, path = scope["method"], scope["path"]
        known = self._known.get((method, path))
        if known is not None:
            scope["route"], scope["endpoint"], scope["path_params"] = known, known.endpoint, {}
            return known
        first = self._fixed.get(path)
        if (match := self._templates.match(path)) is not None:
            place = int(str(match.lastgroup)[1:])
            first = place if first is None else min(first, place)
        if first is None:
            return None
        for route in self._routes[first:]:
            fits, found = route.matches(scope)
            if fits is Match.FULL:
                scope.update(found)
                scope["route"] = route
                if route.fixed:
                    self._known[method, path] = route
                return route
        return None
