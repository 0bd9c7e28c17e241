"""Read your writes: for a few seconds after a write, its caller's reads go to the writer, not to a replica.

The answer to a write says so, as a header and as a cookie, and the caller shows it again next time.
It holds a time and no more: to invent one gains nothing but reads of the writer. A time, and no position in
the log, because Aurora's replication between regions has no position that a reader could compare.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "x-richesreach-wrote"
COOKIE = "rr-wrote"


class Writes:
    """When the caller of this request last wrote, in Unix seconds; `new` when it was in this very request."""

    def __init__(self, at: float | None) -> None:
        self.at = at
        self.new = False


_writes: ContextVar[Writes | None] = ContextVar("writes", default=None)


def note_write() -> None:
    """The current request has written something that its caller will want to see."""
    writes = _writes.get()
    if writes is not None:
        writes.at, writes.new = time.time(), True


def has_written() -> bool:
    """Whether the current caller wrote something that a replica may not have yet."""
    writes = _writes.get()
    return writes is not None and writes.at is not None


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """Reads go where the caller's would, and nothing done inside counts as a write of the caller."""
    writes = _writes.get()
    token = _writes.set(Writes(writes.at) if writes is not None else None)
    try:
        yield
    finally:
        _writes.reset(token)


class FreshnessMiddleware:
    """`seconds` is what replicas may lag behind; 0 leaves it all out."""

    def __init__(self, app: ASGIApp, seconds: int, now: Callable[[], float] = time.time) -> None:
        self.app = app
        self.seconds = seconds
        self.now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.seconds:
            await self.app(scope, receive, send)
            return
        writes = Writes(self._recent(Headers(scope=scope)))

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start" and writes.new and writes.at is not None:
                value = str(int(writes.at * 1000))
                headers = MutableHeaders(scope=message)
                headers[HEADER] = value
                cookie = f"{COOKIE}={value}; Max-Age={self.seconds}; Path=/; Secure; HttpOnly; SameSite=Lax"
                headers.append("set-cookie", cookie)
            await send(message)

        token = _writes.set(writes)
        try:
            await self.app(scope, receive, tell)
        finally:
            _writes.reset(token)

    def _recent(self, headers: Headers) -> float | None:
        """The time that the caller shows, if that is neither too long ago nor in the future."""
        value = headers.get(HEADER, "") or _cookie(headers.get("cookie", ""))
        if not (value.isascii() and value.isdigit() and len(value) <= 15):
            return None
        at = int(value) / 1000
        # The task that wrote may have a clock that is a little ahead.
        return at if -self.seconds <= self.now() - at <= self.seconds else None


def _cookie(header: str) -> str:
    if COOKIE not in header:
        return ""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""
