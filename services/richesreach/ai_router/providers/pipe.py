"""One connection to a provider: HTTP/1.1, one request after the other, read no faster than it is asked for.

Kept small on purpose: of what a general client does, a provider's API needs a POST and its answer, and a
general client's share was a third of what a request costs here.
"""

import asyncio
from typing import cast

import httptools

from richesreach.ai_router.model import Failure, ProviderError

# Bytes that are read ahead of whoever reads; of all headers of an answer.
AHEAD = 64 * 1024
MOST_HEAD = 64 * 1024
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class Pipe(asyncio.Protocol):
    """`complete`: all of the answer has come. Names of `headers` are in lower case. Between two requests
    nothing may come.
    """

    __slots__ = (
        "_busy",
        "_framed",
        "_head",
        "_idle_since",
        "_lasting",
        "_loop",
        "_parser",
        "_parts",
        "_paused",
        "_spoiled",
        "_waiter",
        "_waiting",
        "complete",
        "error",
        "headed",
        "headers",
        "provider",
        "status",
        "transport",
    )

    def __init__(self, provider: str, loop: asyncio.AbstractEventLoop) -> None:
        self.provider = provider
        self._idle_since = 0.0
        self.transport: asyncio.Transport
        self._loop = loop
        self._parser = httptools.HttpResponseParser(self)
        self._busy = False
        self._reset()

    def _reset(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.headed = False
        self.error: ProviderError | None = None
        self._head = 0
        self._parts: list[bytes] = []
        self._waiting = 0
        self._framed = False
        self._lasting = False
        self._spoiled = False
        self.complete = False
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None

    # ---------------------------------------------------------------------------------------- who asks

    def send(self, request: bytes) -> None:
        """Begin the next request."""
        self._reset()
        self._busy = True
        self.transport.write(request)

    async def head(self) -> None:
        """Until status and headers are there. Raises ProviderError."""
        while not self.headed:
            await self._more()
            if self.error is not None:
                raise self.error

    async def some(self) -> bytes:
        """What has come of the body; nothing at its end. Raises ProviderError."""
        while not self._parts and not self.complete:
            await self._more()
            if self.error is not None:
                raise self.error
        return self.taken()

    def taken(self) -> bytes:
        """What has come of the body and was not taken."""
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._waiting = 0
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        return data

    @property
    def over(self) -> bool:
        """The answer is complete, and all of it was read."""
        return self.complete and not self._parts

    def lasts(self, seconds: float) -> bool:
        """Whether another request may be sent, so soon after the last."""
        return not self.transport.is_closing() and self._loop.time() - self._idle_since < seconds

    def release(self) -> bool:
        """The answer is done with: whether the connection may serve another request; else it is cut."""
        self._busy = False
        if (
            self.complete
            and not self._parts
            and self.error is None
            and self._lasting
            and not self._spoiled
            and not self.transport.is_closing()
        ):
            self._idle_since = self._loop.time()
            return True
        self.transport.abort()
        return False

    def _more(self) -> "asyncio.Future[None]":
        """What is done when more has come, or failed to. Raises ProviderError where nothing will."""
        if self.error is not None:
            raise self.error
        if self.transport.is_closing():
            raise self._lost()
        self._waiter = self._loop.create_future()
        return self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, failure: Failure, detail: str) -> None:
        if self.error is None and not self.complete:
            self.error = ProviderError(failure, self.provider, detail)
        self._wake()

    def _lost(self) -> ProviderError:
        if self.headed:
            return ProviderError(Failure.TRUNCATED, self.provider, "the answer ended too early")
        return ProviderError(Failure.UNREACHABLE, self.provider, "the connection was closed unanswered")

    # ---------------------------------------------------------------------------------- what the wire says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self._busy or self.complete:
            self.transport.abort()  # nobody asked
            return
        if not self.headed:
            self._head += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail(Failure.MALFORMED, "the answer is no HTTP")
            self.transport.abort()
        if not self.headed and self._head > MOST_HEAD:
            self._fail(Failure.MALFORMED, "the answer's headers have no end")
            self.transport.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        if self.complete or not self._busy:
            return
        if self.headed and not self._framed:
            self.complete = True  # an answer without a length ends with its connection
            self._wake()
            return
        lost = self._lost()
        self._fail(lost.failure, lost.detail)

    def on_message_begin(self) -> None:
        if self.complete:
            self._spoiled = True  # a second answer behind the one that was asked for

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._spoiled:
            return
        name = name.lower()
        self.headers.append((name, value))
        if name in _FRAMING:
            self._framed = True

    def on_headers_complete(self) -> None:
        if self._spoiled:
            return
        self.status = self._parser.get_status_code()
        if self.status >= 200:
            self.headed = True
            self._lasting = self._parser.should_keep_alive()
            self._wake()

    def on_body(self, body: bytes) -> None:
        if self._spoiled:
            return
        self._parts.append(body)
        self._waiting += len(body)
        if self._waiting > AHEAD and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        if self.headed:  # not one of status 100, after which the answer follows
            self.complete = True
            self._wake()
