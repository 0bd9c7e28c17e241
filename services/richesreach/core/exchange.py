"""One request and its answer, on the way through a passage."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from richesreach.core import logs
from richesreach.core.access_log import log_request
from richesreach.core.freshness import Freshness, Writes
from richesreach.core.identity import REQUEST_ID, accepted_request_id
from richesreach.core.limits.admission import Limits, free_of_limits, left_to_say, refusal
from richesreach.core.logs import logger
from richesreach.core.metrics import CLIENT_CLOSED_REQUEST, Metrics, endpoint_of
from richesreach.core.problems import problem_response
from richesreach.core.request_headers import LENGTH, measured
from richesreach.core.resilience import deadline
from richesreach.core.resilience.alarm import Alarm, Alarms
from richesreach.core.resilience.drain import Drain
from richesreach.core.resilience.shedding import Shedding
from richesreach.core.tracing import TRACEPARENT, Tracing

Headers: TypeAlias = list[tuple[bytes, bytes]]
# Status, detail, kind and headers of a problem.
Refusal: TypeAlias = tuple[int, str, str, Mapping[str, str] | None]
Handler: TypeAlias = Callable[[Request, Exception], Awaitable[Response]]

_REQUEST_ID = REQUEST_ID.encode()
_NOTHING: list[str] = []
# Of all headers together: CloudFront passes on 20 KiB, and adds some of its own.
MAX_HEADER_BYTES = 32 * 1024


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


@dataclass(frozen=True, slots=True)
class Passing:
    """What all exchanges of an application have in common. `handlers` answer errors, by class."""

    app: ASGIApp
    concerns: Concerns
    handlers: Mapping[Any, ExceptionHandler]
    alarms: Alarms
    region: tuple[bytes, bytes]


class Exchange:
    """`status` is that of an answer that has begun, None before."""

    __slots__ = (
        "_alarm",
        "_concerns",
        "_expected",
        "_free",
        "_given",
        "_header_bytes",
        "_passing",
        "_receive",
        "_received",
        "_request_id",
        "_scope",
        "_send",
        "_writes",
        "status",
    )

    def __init__(self, passing: Passing, scope: Scope, receive: Receive, send: Send) -> None:
        self._passing = passing
        self._concerns = passing.concerns
        self._scope = scope
        self._receive = receive
        self._send = send
        self._given, self._header_bytes = measured(scope["headers"])
        self._request_id = accepted_request_id(self._given.get(_REQUEST_ID, _NOTHING))
        self._free = free_of_limits(scope["path"])
        self._alarm: Alarm | None = None
        self._writes: Writes | None = None
        self._expected: Headers | None = None
        self._received = 0
        self.status: int | None = None
        scope.setdefault("state", {})["request_id"] = self._request_id

    # -------------------------------------------------------------------------------------- on the way in

    async def http(self) -> None:
        """Measured and logged, whatever becomes of it."""
        scope, concerns, started = self._scope, self._concerns, time.perf_counter()
        counts, shedding = concerns.metrics.of_requests, concerns.shedding
        weight = 0 if self._free else 1
        known: dict[str, Any] = {"request_id": self._request_id}
        began = logs.begin(known)
        counts.under_way += 1
        shedding.active += weight
        try:
            with concerns.tracing.request(scope, self._first(TRACEPARENT), known) as span:
                refused = self._refused()
                await (self._in_time() if refused is None else self._problem(*refused))
                span.answered(self.status)
        finally:
            shedding.active -= weight
            counts.under_way -= 1
            seconds = time.perf_counter() - started
            status = self.status or CLIENT_CLOSED_REQUEST
            endpoint = endpoint_of(scope)
            counts.answered(scope["method"], endpoint, status, seconds)
            log_request(scope, endpoint, status, seconds)
            logs.end(began)

    async def websocket(self) -> None:
        """A WebSocket lasts for hours: it has no deadline, no line and no share in the durations."""
        known: dict[str, Any] = {"request_id": self._request_id}
        began, counts = logs.begin(known), self._concerns.metrics.of_requests
        counts.under_way += 1
        try:
            with self._concerns.tracing.request(self._scope, self._first(TRACEPARENT), known):
                limits = self._concerns.limits
                if limits is None or self._free or await self._within(limits):
                    await self._passing.app(self._scope, self._receive, self.tell)
        finally:
            counts.under_way -= 1
            logs.end(began)

    def _refused(self) -> Refusal | None:
        """The problem, where the headers are too large or there is too much to do."""
        if self._header_bytes > MAX_HEADER_BYTES:
            return 431, f"The headers are larger than {MAX_HEADER_BYTES} bytes.", "headers-too-large", None
        drain = self._concerns.drain
        if drain.draining and self._scope["path"] != "/health":
            drain.asked()
        if not self._free and self._concerns.shedding.refuses():
            detail = "This task of the service has more to do than it can; try again."
            return 503, detail, "overloaded", {"retry-after": "1"}
        return None

    async def _in_time(self) -> None:
        """Ends when the caller has stopped waiting, with 504 where no answer has begun.

        An answer that has begun may go on for as long as it likes: it may be a stream.
        """
        seconds = deadline.given(self._given)
        began = deadline.begin(seconds)
        alarm = self._alarm = self._passing.alarms.alarm(seconds)
        try:
            await self._guarded()
        except asyncio.CancelledError:
            if not (alarm.rang and alarm.silence()):
                raise
            self._alarm = None
            detail = f"The answer was not ready within the {seconds:g} s that the caller waits."
            await self._problem(504, detail, kind="deadline-exceeded")
        else:
            if alarm.rang:
                alarm.silence()
        finally:
            alarm.stop()
            deadline.end(began)

    async def _guarded(self) -> None:
        """500 for what nobody caught, with the request id in the answer and in the log."""
        limits, freshness = self._concerns.limits, self._concerns.freshness
        try:
            if limits is not None and not (self._free or self._at_once(limits) or await self._within(limits)):
                return
            if freshness is None:
                await self._passing.app(self._scope, self.hear, self.tell)
                return
            self._writes = freshness.before(self._given)
            with self._writes:
                await self._passing.app(self._scope, self.hear, self.tell)
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
        handlers = self._passing.handlers
        for kind in type(error).__mro__:
            if kind in handlers:
                handler = cast("Handler", handlers[kind])
                answer = await handler(Request(self._scope, self._receive), error)
                await answer(self._scope, self._receive, self.tell)
                return True
        return False

    def _at_once(self, limits: Limits) -> bool:
        decision = limits.at_once(self._scope, self._given)
        if decision is None:
            return False
        self._expected = left_to_say(decision)
        return True

    async def _within(self, limits: Limits) -> bool:
        """Whether the caller's limit admits the request; it is answered where not."""
        decision = await limits.admit(self._scope, self._given)
        if decision.admitted:
            self._expected = left_to_say(decision)
            return True
        await refusal(decision)(self._scope, self._receive, self.tell)
        return False

    async def hear(self) -> Message:
        """A part of the request's body. Raises HTTPException 413 for one that is too large.

        FastAPI's own limit answers in plain text.
        """
        most = self._concerns.max_body
        announced = self._first(LENGTH)
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
        self, status: int, detail: str, kind: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        answer = problem_response(self._scope, status, detail, kind=kind, headers=headers)
        await answer(self._scope, self._receive, self.tell)

    # -------------------------------------------------------------------------------------- on the way out

    def tell(self, message: Message) -> Awaitable[None]:
        kind = message["type"]
        if kind == "http.response.start":
            self._begins(message)
        elif kind == "websocket.accept":
            own = [(_REQUEST_ID, self._request_id.encode()), self._passing.region]
            message["headers"] = [*message.get("headers", ()), *(self._expected or ()), *own]
        return self._send(message)

    def _begins(self, message: Message) -> None:
        concerns, alarm = self._concerns, self._alarm
        if alarm is not None:
            if alarm.rang:
                # Something took the end of the time for an error of its own, and would answer with that:
                # nobody waits for it.
                raise asyncio.CancelledError
            alarm.stop()
        headers: Headers = list(message.get("headers", ()))
        if self._expected:
            headers += _not_said(self._expected, headers)
        if self._writes is not None and self._writes.new and concerns.freshness is not None:
            headers += concerns.freshness.told(self._writes)
        if concerns.drain.draining:
            headers = [pair for pair in headers if pair[0] != b"connection"] + [(b"connection", b"close")]
            if self._scope["path"] == "/health":
                message["status"] = 503
        self.status = message["status"]
        headers.append((_REQUEST_ID, self._request_id.encode()))
        headers.append(self._passing.region)
        message["headers"] = headers


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
