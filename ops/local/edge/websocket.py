"""Relaying a WebSocket: the upstream is asked first, so that a refusal reaches the client as it is."""

import asyncio
import contextlib
from collections.abc import Mapping

import aiohttp
from aiohttp import WSCloseCode, WSMsgType, hdrs, web

from ops.local.edge.forward import Upstream, end_to_end, explain
from ops.local.edge.process import require_loopback

_HANDSHAKE = (
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Protocol",
)
_NO_CODE = (WSCloseCode.ABNORMAL_CLOSURE, None)


async def relay_websocket(
    session: aiohttp.ClientSession,
    request: web.BaseRequest,
    upstream: Upstream,
    extra: Mapping[str, str],
) -> web.StreamResponse:
    """Join client and upstream until one of them closes; `extra` headers go out with the upgrade.

    Raises UpstreamError when the upstream could not be asked.
    """
    require_loopback(upstream.address)
    protocols = [
        name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if name
    ]
    headers = end_to_end(upstream.headers)
    for name in (*_HANDSHAKE, hdrs.CONTENT_LENGTH):
        headers.popall(name, None)
    try:
        peer = await asyncio.wait_for(
            session.ws_connect(
                upstream.url,
                headers=headers,
                protocols=protocols,
                autoping=False,
                autoclose=False,
                max_msg_size=0,
                ssl=False,
            ),
            upstream.connect_timeout + upstream.read_timeout,
        )
    except aiohttp.WSServerHandshakeError as refusal:
        return _refused(refusal, extra)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise explain(error, upstream) from error
    client = web.WebSocketResponse(
        protocols=[peer.protocol] if peer.protocol else (),
        autoping=False,
        autoclose=False,
        compress=False,
        max_msg_size=0,
    )
    client.headers.update(extra)
    try:
        await client.prepare(request)
        await _join(client, peer)
    finally:
        await peer.close()
    return client


def _refused(refusal: aiohttp.WSServerHandshakeError, extra: Mapping[str, str]) -> web.Response:
    """The upstream's own status and headers; its body is lost with the handshake."""
    headers = end_to_end(refusal.headers or {})
    for name in (hdrs.CONTENT_LENGTH, hdrs.CONTENT_TYPE, hdrs.CONTENT_ENCODING):
        headers.popall(name, None)
    headers.update(extra)
    return web.json_response(
        {"type": "about:blank", "title": "WebSocket upgrade refused", "status": refusal.status},
        status=refusal.status,
        headers=headers,
        content_type="application/problem+json",
    )


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
