"""Until when an answer is of use to whoever waits for it: taken from the caller, handed on to every callee.

The header holds the milliseconds that are left, not a time of day: clocks of two machines differ.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from richesreach.core.problems import problem_response
from richesreach.core.resilience.errors import DeadlineExceededError

HEADER = "x-richesreach-timeout-ms"
# Seconds. The load balancer gives up on a target after its idle time-out of 60 s; nobody waits longer than
# that.
LONGEST = 55.0

# A request that came through the load balancer may bear a header that its viewer wrote: a time too short for
# any answer would only make work that nobody gets.
LEAST, LEAST_OF_VIEWERS = 0.001, 1.0

_until: ContextVar[float | None] = ContextVar("deadline", default=None)


def remaining() -> float | None:
    """Seconds until the deadline, never below 0; None where there is none."""
    until = _until.get()
    return None if until is None else max(0.0, until - time.monotonic())


def allowed(seconds: float) -> float:
    """How long to wait for something that may take `seconds`. Raises DeadlineExceededError when nothing is
    left.
    """
    left = remaining()
    if left is None:
        return seconds
    if left <= 0:
        raise DeadlineExceededError("the deadline has passed")
    return min(seconds, left)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """A deadline for what is done inside; an earlier one that is set already stays."""
    until = time.monotonic() + seconds
    before = _until.get()
    token = _until.set(until if before is None else min(before, until))
    try:
        yield
    finally:
        _until.reset(token)


@contextlib.contextmanager
def anew(seconds: float) -> Iterator[None]:
    """As `within`, whatever was set before: for work that more than one caller awaits."""
    token = _until.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


def given(headers: Headers) -> float:
    """Seconds that the caller waits: what the header says between `LEAST`, or `LEAST_OF_VIEWERS` where the
    request was forwarded, and `LONGEST`; else `LONGEST`.
    """
    value = headers.get(HEADER, "")
    if not (value.isascii() and value.isdigit() and 0 < len(value) <= 9):
        return LONGEST
    least = LEAST_OF_VIEWERS if "x-forwarded-for" in headers else LEAST
    return min(LONGEST, max(least, int(value) / 1000))


class DeadlineMiddleware:
    """Ends requests whose caller has stopped waiting, with 504 where no answer has begun.

    An answer that has begun may go on for as long as it likes: it may be a stream.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        seconds = given(Headers(scope=scope))
        try:
            async with asyncio.timeout(seconds) as limit:

                async def observe(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        if limit.expired():
                            # Something took the end of the time for an error of its own, and would answer
                            # with that: nobody waits for it.
                            raise asyncio.CancelledError
                        limit.reschedule(None)
                    await send(message)

                with within(seconds):
                    await self.app(scope, receive, observe)
        except TimeoutError:
            if not limit.expired():
                raise
            detail = f"The answer was not ready within the {seconds:g} s that the caller waits."
            answer = problem_response(scope, 504, detail, kind="deadline-exceeded")
            await answer(scope, receive, send)
