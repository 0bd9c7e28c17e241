"""What every request goes through on its way to a route and back.

One middleware and one object a request, not a wrapper for each concern: each wrapper is a coroutine more on
the way in and a function more on the way out, and twelve of them cost more than most routes. What is done is
in the modules that are imported here, each of them without ASGI; when it is done is said here alone.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from richesreach.core import logs
from richesreach.core.access_log import log_request
from richesreach.core.freshness import Freshness, Writes
from richesreach.core.identity import REGION, REQUEST_ID, accepted_request_id
from richesreach.core.limits.admission import Limits, free_of_limits, left_to_say, refusal
from richesreach.core.logs import logger
from richesreach.core.metrics import CLIENT_CLOSED_REQUEST, Metrics, endpoint_of
from richesreach.core.problems import problem_response
from richesreach.core.resilience import deadline
from richesreach.core.resilience.drain import Drain
from richesreach.core.resilience.shedding import Shedding
from richesreach.core.tracing import TRACEPARENT, Tracing

Headers = list[tuple[bytes, bytes]]
Given = Mapping[bytes, list[str]]
Handler = Callable[[Request, Exception], Awaitable[Response]]

_REQUEST_ID = REQUEST_ID.encode()
_NOTHING: list[str] = []
# Of all headers together: CloudFront passes on 20 KiB, and adds some of its own.
MAX_HEADER_BYTES = 32 * 1024
_LENGTH = b"content-length"
# What the passage reads of a request; its routes read the rest.
_READ = frozenset({_REQUEST_ID, TRACEPARENT, _LENGTH, *deadline.READ, *Freshness.READ})


def given_to(headers: Iterable[tuple[bytes, bytes]]) -> Given:
    """The headers that are read here, in one look: each with all of its values."""
    found: dict[bytes, list[str]] = {}
    for name, value in headers:
        if name in _READ:
            found.setdefault(name, []).append(value.decode("latin-1"))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Concerns:
    """What a passage is made of. Without `limits` or `freshness` it leaves them out."""

    region: str
    tracing: Tracing
    metrics: Metrics
    drain: Drain
    shedding: Shedding
    limits: Limits | None
    freshness: Freshness | None
    max_body: int


class Passage:
    """The outermost part of an application. `handlers` answer errors, by class."""

    def __init__(self, app: ASGIApp, concerns: Concerns, handlers: Mapping[Any, ExceptionHandler]) -> None:
        self.app = app
        self.concerns = concerns
        self.handlers = handlers
        self._region = (REGION.encode(), concerns.region.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        given = given_to(scope["headers"])
        request_id = accepted_request_id(given.get(_REQUEST_ID, _NOTHING))
        scope.setdefault("state", {})["request_id"] = request_id
        exchange = Exchange(self, scope, receive, send, given)
        exchange.said = [(_REQUEST_ID, request_id.encode()), self._region]
        self.concerns.metrics.active.inc()
        try:
            with logs.facts(request_id=request_id):
                await (exchange.http() if kind == "http" else exchange.websocket())
        finally:
            self.concerns.metrics.active.dec()


class Exchange:
    """One request and its answer. `said` are the headers that the answer gets beside its route's own."""

    __slots__ = (
        "_app",
        "_concerns",
        "_expected",
        "_free",
        "_given",
        "_handlers",
        "_limit",
        "_receive",
        "_received",
        "_scope",
        "_send",
        "_writes",
        "said",
        "status",
    )

    def __init__(self, passage: Passage, scope: Scope, receive: Receive, send: Send, given: Given) -> None:
        self._app = passage.app
        self._concerns = passage.concerns
        self._handlers = passage.handlers
        self._scope = scope
        self._receive = receive
        self._send = send
        self._given = given
        self._free = free_of_limits(scope["path"])
        self._limit: asyncio.Timeout | None = None
        self._writes: Writes | None = None
        self._expected: Headers = []
        self._received = 0
        self.said: Headers = []
        self.status: int | None = None

    # -------------------------------------------------------------------------------------- on the way in

    async def http(self) -> None:
        """Measured and logged, whatever becomes of it."""
        scope, started = self._scope, time.perf_counter()
        try:
            with self._concerns.tracing.request(scope, self._first(TRACEPARENT)) as span:
                await self._admitted()
                span.answered(self.status)
        finally:
            seconds = time.perf_counter() - started
            status = self.status or CLIENT_CLOSED_REQUEST
            endpoint = endpoint_of(scope)
            self._concerns.metrics.answered(scope["method"], endpoint, status, seconds)
            log_request(scope, endpoint, status, seconds)

    async def websocket(self) -> None:
        """A WebSocket lasts for hours: it has no deadline, no line and no share in the durations."""
        with self._concerns.tracing.request(self._scope, self._first(TRACEPARENT)):
            if await self._within_limits():
                await self._app(self._scope, self._receive, self.tell)

    async def _admitted(self) -> None:
        """Unless the headers are too large, the service leaves, or has too much to do."""
        if sum(len(name) + len(value) for name, value in self._scope["headers"]) > MAX_HEADER_BYTES:
            detail = f"The headers are larger than {MAX_HEADER_BYTES} bytes."
            await self._problem(431, detail, kind="headers-too-large")
            return
        drain, shedding = self._concerns.drain, self._concerns.shedding
        if drain.draining and self._scope["path"] != "/health":
            drain.asked()
        if self._free:
            await self._in_time()
            return
        shedding.active += 1
        try:
            if shedding.refuses():
                detail = "This task of the service has more to do than it can; try again."
                await self._problem(503, detail, kind="overloaded", headers={"retry-after": "1"})
            else:
                await self._in_time()
        finally:
            shedding.active -= 1

    async def _in_time(self) -> None:
        """Ends when the caller has stopped waiting, with 504 where no answer has begun.

        An answer that has begun may go on for as long as it likes: it may be a stream.
        """
        seconds = deadline.given(self._given)
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                self._limit = limit
                with deadline.within(seconds):
                    await self._guarded()
        except TimeoutError:
            if not limit.expired():
                raise
            self._limit = None
            detail = f"The answer was not ready within the {seconds:g} s that the caller waits."
            await self._problem(504, detail, kind="deadline-exceeded")

    async def _guarded(self) -> None:
        """500 for what nobody caught, with the request id in the answer and in the log."""
        try:
            if await self._within_limits():
                await self._served()
        except Exception as error:
            if self.status is None and await self._handled(error):
                return
            logger().exception("unhandled_error", path=self._scope["path"])
            if self.status is not None:  # too late for an answer: let the server cut the connection
                raise
            detail = "The service failed to answer. The request id finds the cause in its logs."
            await self._problem(500, detail)

    async def _handled(self, error: Exception) -> bool:
        """Whether the application has a handler for it, which has answered then."""
        for kind in type(error).__mro__:
            if kind in self._handlers:
                handler = cast("Handler", self._handlers[kind])
                answer = await handler(Request(self._scope, self._receive), error)
                await answer(self._scope, self._receive, self.tell)
                return True
        return False

    async def _within_limits(self) -> bool:
        limits = self._concerns.limits
        if limits is None or self._free:
            return True
        decision = await limits.admit(self._scope)
        if decision.admitted:
            self._expected = left_to_say(decision)
            return True
        await refusal(decision)(self._scope, self._receive, self.tell)
        return False

    async def _served(self) -> None:
        concerns = self._concerns
        if concerns.freshness is None:
            await self._app(self._scope, self.hear, self.tell)
            return
        self._writes = concerns.freshness.before(self._given)
        with self._writes:
            await self._app(self._scope, self.hear, self.tell)

    async def hear(self) -> Message:
        """A part of the request's body. Raises HTTPException 413 for one that is too large.

        FastAPI's own limit answers in plain text.
        """
        most = self._concerns.max_body
        announced = self._first(_LENGTH)
        too_large = announced.isascii() and announced.isdigit() and int(announced) > most
        if not too_large:
            message = await self._receive()
            self._received += len(message.get("body", b""))
        if too_large or self._received > most:
            raise HTTPException(413, f"The body is larger than {most} bytes.")
        return message

    def _first(self, name: bytes) -> str:
        values = self._given.get(name)
        return values[0] if values else ""

    async def _problem(
        self, status: int, detail: str, *, kind: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        answer = problem_response(self._scope, status, detail, kind=kind, headers=headers)
        await answer(self._scope, self._receive, self.tell)

    # -------------------------------------------------------------------------------------- on the way out

    async def tell(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            self._begins(message)
        elif kind == "websocket.accept":
            message["headers"] = [*message.get("headers", ()), *self._expected, *self.said]
        await self._send(message)

    def _begins(self, message: Message) -> None:
        if self._limit is not None:
            if self._limit.expired():
                # Something took the end of the time for an error of its own, and would answer with that:
                # nobody waits for it.
                raise asyncio.CancelledError
            self._limit.reschedule(None)
        headers: Headers = list(message.get("headers", ()))
        if self._expected:
            headers += _not_said(self._expected, headers)
        if self._writes is not None and self._writes.new and self._concerns.freshness is not None:
            headers += self._concerns.freshness.told(self._writes)
        if self._concerns.drain.draining:
            headers = [pair for pair in headers if pair[0] != b"connection"] + [(b"connection", b"close")]
            if self._scope["path"] == "/health":
                message["status"] = 503
        self.status = message["status"]
        message["headers"] = headers + self.said


def _not_said(expected: Headers, headers: Headers) -> Headers:
    """What the route has not said itself; nothing where a shared cache keeps the answer: it would tell one
    caller's limit to the next.
    """
    own = set()
    for name, value in headers:
        if name == b"cache-control" and (b"public" in value or b"s-maxage" in value):
            return []
        if name.startswith(b"ratelimit"):
            own.add(name)
    return [pair for pair in expected if pair[0] not in own] if own else expected
