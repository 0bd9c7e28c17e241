"""Until when an answer is of use to whoever waits for it: taken from the caller, handed on to every callee.

The header holds the milliseconds that are left, not a time of day: clocks of two machines differ.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar, Token

from richesreach.core.resilience.errors import DeadlineExceededError

HEADER = "x-richesreach-timeout-ms"
_HEADER, _FORWARDED = HEADER.encode(), b"x-forwarded-for"
# The headers that `given` reads.
READ = (_HEADER, _FORWARDED)
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


def begin(seconds: float) -> "Token[float | None]":
    """A deadline until `end`; an earlier one that is set already stays."""
    until = time.monotonic() + seconds
    before = _until.get()
    return _until.set(until if before is None else min(before, until))


def end(began: "Token[float | None]") -> None:
    _until.reset(began)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """A deadline for what is done inside."""
    began = begin(seconds)
    try:
        yield
    finally:
        end(began)


@contextlib.contextmanager
def anew(seconds: float) -> Iterator[None]:
    """As `within`, whatever was set before: for work that more than one caller awaits."""
    token = _until.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


def given(headers: Mapping[bytes, list[str]]) -> float:
    """Seconds that the caller waits: what the header says between `LEAST`, or `LEAST_OF_VIEWERS` where the
    request was forwarded, and `LONGEST`; else `LONGEST`.
    """
    values = headers.get(_HEADER)
    value = values[0] if values else ""
    if not (value.isascii() and value.isdigit() and 0 < len(value) <= 9):
        return LONGEST
    least = LEAST_OF_VIEWERS if _FORWARDED in headers else LEAST
    return min(LONGEST, max(least, int(value) / 1000))
