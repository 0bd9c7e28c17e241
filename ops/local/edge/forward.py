"""Forwarding one HTTP request, streaming both ways. Shared by the CDN and the load balancers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ops.local.edge.process import require_loopback

HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
    )
) | frozenset(("transfer-encoding", "upgrade", "expect"))
"""RFC 9110 7.6.1, and Expect, which the server has answered already."""

CHUNK = 64 * 1024

IDLE = 2.0
"""Seconds an idle upstream connection is kept: less than servers keep theirs (uvicorn 5), so that no request
is sent into a connection that is just being closed."""


class UpstreamError(Exception):
    """No answer from upstream. `status` is what a gateway answers: 502, or 504 for a time-out.

    `failover` is the code by which an origin group knows it: 503 stands for every failure to connect.
    """

    def __init__(self, status: int, reason: str, failover: int = 0) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.failover = failover or status


@dataclass(frozen=True)
class Upstream:
    """Where a request goes. Times are in seconds; `attempts` counts connections, never sent requests.

    `body` replaces the client's, where something on the way has read or changed it.
    """

    address: str
    port: int
    path: str
    headers: CIMultiDict[str] = field(default_factory=CIMultiDict)
    method: str = hdrs.METH_GET
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    attempts: int = 1
    scheme: str = "http"
    body: bytes | None = None

    @property
    def url(self) -> URL:
        """The URL with the path exactly as it came: no proxy on the way may re-encode it."""
        return URL(f"{self.scheme}://{self.address}:{self.port}{self.path}", encoded=True)


def end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """The headers without those of one connection (RFC 9110 7.6.1)."""
    multi = CIMultiDict(headers)
    named = {name.strip().lower() for name in multi.get(hdrs.CONNECTION, "").split(",")}
    dropped = HOP_BY_HOP | named
    return CIMultiDict((name, value) for name, value in multi.items() if name.lower() not in dropped)


def new_session() -> aiohttp.ClientSession:
    """A client that adds, follows, stores and unpacks nothing by itself."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        skip_auto_headers=(hdrs.USER_AGENT, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE),
    )


def explain(error: BaseException, upstream: Upstream) -> UpstreamError:
    """The gateway's view of a failed exchange, in plain words."""
    place = f"{upstream.address}:{upstream.port}"
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return UpstreamError(504, f"no connection to {place} within {upstream.connect_timeout:g} s", 503)
    if isinstance(error, TimeoutError):
        return UpstreamError(504, f"no response from {place} within {upstream.read_timeout:g} s")
    if isinstance(error, aiohttp.ClientConnectorError):
        return UpstreamError(502, f"{_os_reason(error.os_error)} on {place}", 503)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return UpstreamError(502, f"{place} closed the connection without a response")
    return UpstreamError(502, f"{place} broke the connection: {error}")


def _os_reason(error: OSError) -> str:
    return "connection refused" if isinstance(error, ConnectionRefusedError) else str(error)


async def open_upstream(
    session: aiohttp.ClientSession, request: web.BaseRequest, upstream: Upstream
) -> aiohttp.ClientResponse:
    """Send the request and wait for the head of the answer. Raises UpstreamError."""
    require_loopback(upstream.address)
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=upstream.connect_timeout, sock_read=upstream.read_timeout
    )
    body = upstream.body if upstream.body is not None else request.content if request.body_exists else None
    for attempt in range(upstream.attempts):
        try:
            return await session.request(
                upstream.method,
                upstream.url,
                headers=upstream.headers,
                data=body,
                timeout=timeout,
                allow_redirects=False,
                ssl=False,
            )
        except aiohttp.ClientConnectorError as error:
            # Nothing was sent yet, so the body is whole and another attempt is safe.
            if attempt + 1 == upstream.attempts:
                raise explain(error, upstream) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise explain(error, upstream) from error
    raise UpstreamError(502, f"no connection attempt to {upstream.address}:{upstream.port} is allowed")


async def relay(
    request: web.BaseRequest,
    answer: aiohttp.ClientResponse,
    extra: Mapping[str, str],
    removed: frozenset[str] = frozenset(),
) -> web.StreamResponse:
    """Stream an upstream's answer to the client, with `extra` headers set over its own."""
    headers = end_to_end(answer.headers)
    for name in removed:
        headers.popall(name, None)
    headers.update(extra)
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
    try:
        await response.prepare(request)
        if request.method != hdrs.METH_HEAD:
            async for chunk in answer.content.iter_chunked(CHUNK):
                await response.write(chunk)
        await response.write_eof()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # The status line is out: all that is left is to cut the connection, so that no reader takes a part
        # of the body for the whole.
        if request.transport is not None:
            request.transport.abort()
        raise asyncio.CancelledError from error
    finally:
        answer.release()
    return response


def is_websocket(headers: Mapping[str, str] | CIMultiDictProxy[str]) -> bool:
    """True when the client asks to speak WebSocket (RFC 6455 4.2.1)."""
    connection = headers.get(hdrs.CONNECTION, "").lower()
    return headers.get(hdrs.UPGRADE, "").lower() == "websocket" and "upgrade" in connection
