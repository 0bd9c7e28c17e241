"""The connections to one vendor: what it answers, within bounds, and what its refusals mean.

Redirects are not followed, nothing is larger than it may be, and no error repeats an address: some vendors
want the key in it.
"""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping

import aiohttp
from yarl import URL

from richesreach.core.vendors.errors import SourceLostError, SourceRefusedError, SourceThrottledError

# Bytes of an answer, and of one frame.
MOST_ANSWER, MOST_FRAME = 32 * 1024 * 1024, 4 * 1024 * 1024
# Seconds: for a whole answer, for a connection, between two signs of life of a WebSocket, and the longest
# that a vendor may tell us to wait.
ANSWER, CONNECT, HEARTBEAT, LONGEST_RETRY = 30.0, 10.0, 20.0, 3600.0
# A WebSocket that stands was heard within so many seconds: what answers no sign of life is cut.
STANDS = 2 * HEARTBEAT


class VendorHttp:
    """One session, of one connection to a vendor. Use it with `async with`."""

    def __init__(self, vendor: str) -> None:
        self._vendor = vendor

    async def __aenter__(self) -> "VendorHttp":
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=ANSWER, sock_connect=CONNECT),
            headers={"user-agent": "richesreach"},
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(
        self, url: URL, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The body of a 200. Raises SourceError."""
        with self._translated():
            async with self._session.get(
                url, params=params, headers=headers, allow_redirects=False
            ) as response:
                self._judge(response.status, response.headers.get("retry-after", ""))
                body = bytearray()
                async for data in response.content.iter_any():
                    body += data
                    if len(body) > MOST_ANSWER:
                        raise SourceLostError(f"{self._vendor} answers with more than {MOST_ANSWER} bytes")
                return bytes(body)

    @contextlib.asynccontextmanager
    async def socket(
        self, url: URL, params: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket that stands. Raises SourceError."""
        with self._translated():
            socket = await self._session.ws_connect(
                url, params=params, heartbeat=HEARTBEAT, max_msg_size=MOST_FRAME
            )
        try:
            yield socket
        finally:
            await socket.close()

    async def frames(self, socket: aiohttp.ClientWebSocketResponse) -> AsyncGenerator[str, None]:
        """Its text frames. Raises SourceLostError at its end, and for one that is no text or too large."""
        while True:
            yield await self.frame(socket)

    async def frame(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        """The next one of `frames`; who does not wait for it any more may ask for it again."""
        message = await socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise SourceLostError(f"{self._vendor} has ended the connection ({_ending(socket, message)})")
        return str(message.data)

    async def say(self, socket: aiohttp.ClientWebSocketResponse, said: str) -> None:
        """Raises SourceLostError."""
        with self._translated():
            await socket.send_str(said)

    def _judge(self, status: int, retry_after: str) -> None:
        if status == 200:
            return
        if status in (401, 403):
            raise SourceRefusedError(f"{self._vendor} refuses the key or the plan ({status})")
        if status == 429:
            raise SourceThrottledError(f"{self._vendor} asks for patience (429)", _seconds(retry_after))
        raise SourceLostError(f"{self._vendor} answers {status}")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except aiohttp.WSServerHandshakeError as error:
            found = error.headers.get("retry-after", "") if error.headers else ""
            self._judge(error.status, found)
            raise SourceLostError(f"{self._vendor} does not speak WebSocket") from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise SourceLostError(f"{self._vendor} cannot be reached: {type(error).__name__}") from None


def _seconds(retry_after: str) -> float:
    """Of the header, where it is a number of seconds."""
    return min(LONGEST_RETRY, float(retry_after)) if retry_after.isascii() and retry_after.isdigit() else 0.0


def _ending(socket: aiohttp.ClientWebSocketResponse, message: aiohttp.WSMessage) -> str:
    if message.type is aiohttp.WSMsgType.BINARY:
        return "it sends what is no text"
    return f"code {socket.close_code}" if socket.close_code else "without a word"
