"""Servers with the recorded shapes of vendors, which also do what vendors never promise: cut, flood, rave.

One server plays one vendor. What it answers is a list of steps that the test gives; every request is kept.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web
from loopback import own_address
from richesreach.core.limits.gcra import Tier
from richesreach.core.vendors.pace import Backoff, Pace
from richesreach.market_data.model import Record, Rejection
from richesreach.market_data.source import Adapter, Source
from stream_client import eventually
from yarl import URL

# The vendor's real pace would make a test wait for minutes.
QUICK = Tier("quick", 1000, 1, 1000)
Talk = Callable[["Call"], Awaitable[None]]


@dataclass
class Call:
    """One WebSocket, as the vendor sees it."""

    socket: web.WebSocketResponse
    request: web.Request

    async def say(self, *said: Any) -> None:
        """JSON, or text and bytes as they are."""
        for each in said:
            if isinstance(each, bytes):
                await self.socket.send_bytes(each)
            else:
                await self.socket.send_str(each if isinstance(each, str) else json.dumps(each))

    async def hear(self) -> Any:
        message = await self.socket.receive(30)
        assert message.type is WSMsgType.TEXT, message
        return json.loads(message.data)

    def cut(self) -> None:
        """Without a word, as when the network goes."""
        assert self.request.transport is not None
        self.request.transport.abort()

    async def stay(self) -> None:
        """Until the client leaves."""
        async for _ in self.socket:
            pass


@dataclass
class Vendor:
    """`talks` are what it does at its first, second, … WebSocket, the last one for all later; `answers` the
    same for REST: status, body and headers.
    """

    talks: Sequence[Talk] = ()
    answers: Sequence[tuple[int, Any, dict[str, str]]] = ()
    requests: list[web.Request] = field(default_factory=list)
    calls: int = 0
    url: URL = field(default_factory=URL)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("upgrade") == "websocket":
            talk = self.talks[min(self.calls, len(self.talks) - 1)]
            self.calls += 1
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            with contextlib.suppress(ConnectionError):
                await talk(Call(socket, request))
            return socket
        status, body, headers = self.answers[min(len(self.requests), len(self.answers) - 1)]
        self.requests.append(request)
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(status=status, body=sent, headers=headers)


@asynccontextmanager
async def playing(vendor: Vendor) -> AsyncIterator[Vendor]:
    """At `vendor.url`; a WebSocket and REST at any path."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", vendor.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    host, port = own_address()
    await web.TCPSite(runner, host, port).start()
    vendor.url = URL(f"http://{host}:{port}")
    try:
        yield vendor
    finally:
        await runner.cleanup()


@dataclass
class Heard:
    """What a running source said."""

    source: Source
    records: list[Any]
    rejections: list[Rejection]

    async def until(self, count: int) -> list[Any]:
        await eventually(lambda: len(self.records) >= count, f"{count} records; {self.source.report()}")
        return self.records


@asynccontextmanager
async def listening_to(adapter: Adapter) -> AsyncIterator[Heard]:
    """A source at work, in haste."""
    records: list[Record] = []
    rejections: list[Rejection] = []

    async def take(found: Sequence[Record]) -> None:
        records.extend(found)

    backoff, pace = Backoff(first=0.01, longest=0.05), Pace(QUICK)
    source = Source(adapter, take, reject=rejections.append, backoff=backoff, pace=pace)
    task = asyncio.create_task(source.run())
    try:
        yield Heard(source, records, rejections)
    finally:
        source.end()
        await asyncio.wait_for(task, 30)
