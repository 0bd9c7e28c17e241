"""Read your writes: for a few seconds after a write, its caller's reads go to the writer, not to a replica.

The answer to a write says so, as a header and as a cookie, and the caller shows it again next time.
It holds a time and no more: to invent one gains nothing but reads of the writer. A time, and no position in
the log, because Aurora's replication between regions has no position that a reader could compare.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from http.cookies import CookieError, SimpleCookie

HEADER = "x-richesreach-wrote"
COOKIE = "rr-wrote"


class Writes:
    """When the caller of this request last wrote, in Unix seconds; `new` when it was in this very request.

    Inside of it, reads and writes are those of that caller.
    """

    __slots__ = ("_token", "at", "new")

    def __init__(self, at: float | None) -> None:
        self.at = at
        self.new = False

    def __enter__(self) -> None:
        self._token = _writes.set(self)

    def __exit__(self, *_error: object) -> None:
        _writes.reset(self._token)


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


class Freshness:
    """Reads what callers show, and says what they wrote. `seconds` is what replicas may lag behind."""

    READ = (HEADER.encode(), b"cookie")

    def __init__(self, seconds: int, now: Callable[[], float] = time.time) -> None:
        self.seconds = seconds
        self.now = now

    def before(self, headers: Mapping[bytes, list[str]]) -> Writes:
        """What the caller of these headers wrote before this request."""
        wrote, cookies = headers.get(self.READ[0]), headers.get(self.READ[1])
        if wrote is None and cookies is None:
            return Writes(None)
        return Writes(self._recent(wrote[0] if wrote else "", cookies[0] if cookies else ""))

    def told(self, writes: Writes) -> list[tuple[bytes, bytes]]:
        """The headers of an answer after a write."""
        value = str(int((writes.at or 0) * 1000))
        cookie = f"{COOKIE}={value}; Max-Age={self.seconds}; Path=/; Secure; HttpOnly; SameSite=Lax"
        return [(self.READ[0], value.encode()), (b"set-cookie", cookie.encode())]

    def _recent(self, wrote: str, cookies: str) -> float | None:
        """The time that the caller shows, if that is neither too long ago nor in the future."""
        value = wrote or _cookie(cookies)
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
