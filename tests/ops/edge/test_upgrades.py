"""WebSockets and streams through the edge: nothing waits for what comes later."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import WSMsgType, hdrs

from tests.ops.edge.conftest import Page
from tests.ops.edge.edge_site import Site

HANDSHAKE = {
    hdrs.CONNECTION: "Upgrade",
    hdrs.UPGRADE: "websocket",
    hdrs.SEC_WEBSOCKET_VERSION: "13",
    hdrs.SEC_WEBSOCKET_KEY: "AAAAAAAAAAAAAAAAAAAAAA==",
}


@pytest.fixture
async def viewer(site: Site) -> AsyncIterator[aiohttp.ClientSession]:
    async with site.session() as session:
        yield session


async def test_a_graphql_subscription_gets_each_value_as_it_comes(viewer: aiohttp.ClientSession) -> None:
    async with viewer.ws_connect("/graphql", protocols=["graphql-transport-ws"]) as socket:
        await socket.send_json({"type": "connection_init"})
        assert await socket.receive_json() == {"type": "connection_ack"}
        subscription = {"query": "subscription { tick }"}
        await socket.send_json({"id": "1", "type": "subscribe", "payload": subscription})
        assert (await socket.receive_json(timeout=5))["payload"]["data"]["tick"] == 1
        await viewer.post("/next")
        assert (await socket.receive_json(timeout=5))["payload"]["data"]["tick"] == 2
        assert (await socket.receive_json())["type"] == "complete"
        closing = await socket.receive()
        assert (closing.type, closing.data, closing.extra) == (WSMsgType.CLOSE, 4400, "done")


async def test_server_sent_events_pass_one_by_one(viewer: aiohttp.ClientSession) -> None:
    async with viewer.get("/sse", timeout=aiohttp.ClientTimeout(sock_read=5)) as answer:
        assert await answer.content.readuntil(b"\n\n") == b"data: 1\n\n"
        await viewer.post("/next")
        assert await answer.content.readuntil(b"\n\n") == b"data: 2\n\n"


async def test_the_headers_of_an_accepted_upgrade_pass(viewer: aiohttp.ClientSession) -> None:
    async with viewer.get("/graphql", headers=HANDSHAKE) as answer:
        assert answer.status == 101
        assert answer.headers["x-served-by"] == "graphql"
        assert answer.headers["via"].endswith("(CloudFront)")
        assert answer.headers.getall("Sec-WebSocket-Accept")[1:] == []
        answer.close()


async def test_a_refused_upgrade_keeps_status_headers_and_body(
    site: Site, viewer: aiohttp.ClientSession
) -> None:
    headers = {"Content-Type": "application/problem+json", "WWW-Authenticate": "Bearer"}
    site.upstreams.pages["/closed/ws"] = Page(status=401, headers=headers, body=b'{"title": "no token"}')
    async with viewer.get("/closed/ws", headers=HANDSHAKE) as answer:
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert await answer.read() == b'{"title": "no token"}'
