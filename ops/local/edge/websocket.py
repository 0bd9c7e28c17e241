"""Relaying a WebSocket: the upstream is asked first, so that a refusal reaches the client as it is."""

import asyncio
import contextlib
from collections.abc import Mapping
from contextvars import ContextVar
from http import HTTPStatus

import aiohttp
from aiohttp import WSCloseCode, WSMsgType, hdrs, web
from multidict import CIMultiDict

from ops.local.edge.answer import Answer, deliver
from ops.local.edge.forward import Upstream, end_to_end, explain
from ops.local.edge.process import require_loopback

_HANDSHAKE = (
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Protocol",
)
_HANDSHAKE_ANSWER = (
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Protocol",
    hdrs.CONTENT_LENGTH,
    hdrs.DATE,
)
"""What the client's own handshake says anew."""

_NO_CODE = (WSCloseCode.ABNORMAL_CLOSURE, None)


class _Refused(Exception):  # noqa: N818 - an answer, not an error
    """The upstream answered something other than 101; its whole answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


_accepted: ContextVar[CIMultiDict[str] | None] = ContextVar("accepted", default=None)
"""Headers of the 101, which the client library keeps to itself."""


async def _look(response: aiohttp.ClientResponse) -> None:
    """Called by the session with every handshake's answer, before the library judges it."""
    headers = end_to_end(response.headers)
    if response.status != HTTPStatus.SWITCHING_PROTOCOLS:
        body = await response.read()
        headers.popall(hdrs.CONTENT_LENGTH, None)
        raise _Refused(Answer(response.status, headers, body, response.reason))
    _accepted.set(headers)


async def relay_websocket(
    session: aiohttp.ClientSession,
    request: web.BaseRequest,
    upstream: Upstream,
    extra: Mapping[str, str],
    removed: frozenset[str] = frozenset(),
) -> web.StreamResponse:
    """Join client and upstream until one of them closes; a refusal passes on as it is, body and all.

    `extra` headers go out with the answer, `removed` ones of the upstream do not. Raises UpstreamError when
    the upstream could not be asked.
    """
    require_loopback(upstream.address)
    try:
        # Not wait_for: it would run the handshake in a context of its own, and `_accepted` stay empty.
        async with asyncio.timeout(upstream.connect_timeout + upstream.read_timeout):
            peer = await _connect(session, request, upstream)
    except _Refused as refusal:
        _finish(refusal.answer.headers, extra, removed)
        return await deliver(request, refusal.answer)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise explain(error, upstream) from error
    client = web.WebSocketResponse(
        protocols=[peer.protocol] if peer.protocol else (),
        autoping=False,
        autoclose=False,
        compress=False,
        max_msg_size=0,
    )
    headers = _accepted.get() or CIMultiDict()
    for name in _HANDSHAKE_ANSWER:
        headers.popall(name, None)
    _finish(headers, extra, removed)
    client.headers.extend(headers)
    try:
        await client.prepare(request)
        await _join(client, peer)
    finally:
        await peer.close()
    return client


async def _connect(
    session: aiohttp.ClientSession, request: web.BaseRequest, upstream: Upstream
) -> aiohttp.ClientWebSocketResponse:
    protocols = [
        name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if name
    ]
    headers = end_to_end(upstream.headers)
    for name in (*_HANDSHAKE, hdrs.CONTENT_LENGTH):
        headers.popall(name, None)
    asking = aiohttp.ClientSession(
        connector=session.connector,
        connector_owner=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        raise_for_status=_look,
        skip_auto_headers=(hdrs.USER_AGENT, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE),
    )
    # Only the handshake needs the session: a WebSocket lives on its connection.
    async with asking:
        return await asking.ws_connect(
            upstream.url,
            headers=headers,
            protocols=protocols,
            autoping=False,
            autoclose=False,
            max_msg_size=0,
            ssl=False,
        )


def _finish(headers: CIMultiDict[str], extra: Mapping[str, str], removed: frozenset[str]) -> None:
    for name in removed:
        headers.popall(name, None)
    headers.update(extra)


Side = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _join(client: web.WebSocketResponse, peer: aiohttp.ClientWebSocketResponse) -> None:
    """Pump both ways; when one way ends the other is closed with the same code."""
    ways = [asyncio.create_task(_pump(client, peer)), asyncio.create_task(_pump(peer, client))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _pump(source: Side, sink: Side) -> None:
    code, reason = int(WSCloseCode.GOING_AWAY), b""
    with contextlib.suppress(ConnectionError, aiohttp.ClientError, RuntimeError):
        while True:
            message = await source.receive()
            if message.type is WSMsgType.TEXT:
                await sink.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await sink.send_bytes(message.data)
            elif message.type is WSMsgType.PING:
                await sink.ping(message.data)
            elif message.type is WSMsgType.PONG:
                await sink.pong(message.data)
            else:
                if message.type is WSMsgType.CLOSE:
                    code, reason = int(message.data or WSCloseCode.OK), str(message.extra or "").encode()
                break
    with contextlib.suppress(ConnectionError, aiohttp.ClientError, RuntimeError):
        await sink.close(code=code, message=reason)
    if source.close_code not in _NO_CODE:
        with contextlib.suppress(ConnectionError, aiohttp.ClientError, RuntimeError):
            await source.close(code=code)
