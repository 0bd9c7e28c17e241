"""Servers behind the edge: real ones, on loopback addresses, on an event loop in a thread of their own."""

import asyncio
import json
import threading
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web


@dataclass
class Page:
    """What an upstream answers at a path; `delay` in seconds; an ETag is honoured."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"page"
    delay: float = 0.0


@dataclass(frozen=True)
class Seen:
    """A request that reached an upstream."""

    server: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Upstreams:
    """Servers on loopback addresses, on an event loop in a thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._runners: dict[tuple[str, int], web.ServerRunner] = {}
        self.seen: list[str] = []
        self.pages: dict[str, Page] = {}
        self.requests: list[Seen] = []
        self._next = asyncio.Event()

    def _wait(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def start(self, address: str, port: int, name: str = "") -> None:
        """Serve there; every answer carries `name`."""

        async def begin() -> None:
            runner = web.ServerRunner(web.Server(lambda request: self._handle(request, name)))
            await runner.setup()
            await web.TCPSite(runner, address, port).start()
            self._runners[address, port] = runner

        self._wait(begin())

    def stop(self, address: str, port: int) -> None:
        """Serve there no more."""
        self._wait(self._runners.pop((address, port)).cleanup())

    def close(self) -> None:
        """End everything."""
        for address, port in list(self._runners):
            self.stop(address, port)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _handle(self, request: web.BaseRequest, name: str) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        self.seen.append(path)
        headers = {"x-served-by": name}
        page = self.pages.get(f"{name}{path}") or self.pages.get(path)
        if page is not None:
            return await self._page(request, page, name)
        for end, stream in (("/sse", self._events), ("/graphql", self._graphql), ("/ws", self._echo)):
            if path.endswith(end):
                return await stream(request)
        if path.endswith("/next"):
            self._next.set()
        return await self._special(request, path, headers)

    async def _special(
        self, request: web.BaseRequest, path: str, headers: dict[str, str]
    ) -> web.StreamResponse:
        if path == "/big":
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            for _ in range(64):
                await response.write(b"x" * 256 * 1024)
            return response
        if path == "/cut" and request.transport is not None:
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            await response.write(b"x" * 1024)
            request.transport.abort()
            return response
        if path == "/length":
            size = 0
            async for chunk in request.content.iter_chunked(65536):
                size += len(chunk)
            return web.json_response({"size": size}, headers=headers)
        if path == "/slow":
            await asyncio.sleep(float(request.query_string or 1))
        if path == "/broken" and request.transport is not None:
            request.transport.abort()
        status = 404 if path == "/wrong" else 200
        shown = {"path": request.raw_path, "method": request.method, "headers": dict(request.headers)}
        return web.json_response({"name": headers["x-served-by"], **shown}, status=status, headers=headers)

    async def _page(self, request: web.BaseRequest, page: Page, name: str) -> web.Response:
        names = {key.lower(): value for key, value in request.headers.items()}
        body = await request.read()
        self.requests.append(Seen(name, request.method, request.raw_path, names, body))
        await asyncio.sleep(page.delay)
        headers = {"x-served-by": name, **page.headers}
        tag = page.headers.get("ETag")
        if tag and request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(status=page.status, headers=headers, body=page.body)

    def asked(self, path: str) -> list[Seen]:
        """The requests that reached an upstream for this path, whatever their query."""
        return [seen for seen in self.requests if seen.path.partition("?")[0] == path]

    async def _events(self, request: web.BaseRequest) -> web.StreamResponse:
        """Two server-sent events; the second only once `/next` was asked for."""
        self._next.clear()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: 1\n\n")
        await self._next.wait()
        await response.write(b"data: 2\n\n")
        return response

    async def _graphql(self, request: web.BaseRequest) -> web.WebSocketResponse:
        """A server of graphql-transport-ws with one subscription, whose second value waits for `/next`."""
        self._next.clear()
        socket_ = web.WebSocketResponse(protocols=["graphql-transport-ws"])
        socket_.headers["x-served-by"] = "graphql"
        await socket_.prepare(request)
        assert json.loads(await socket_.receive_str())["type"] == "connection_init"
        await socket_.send_json({"type": "connection_ack"})
        subscribed = json.loads(await socket_.receive_str())
        for tick in (1, 2):
            payload = {"data": {"tick": tick, "query": subscribed["payload"]["query"]}}
            await socket_.send_json({"id": subscribed["id"], "type": "next", "payload": payload})
            if tick == 1:
                await self._next.wait()
        await socket_.send_json({"id": subscribed["id"], "type": "complete"})
        await socket_.close(code=4400, message=b"done")
        return socket_

    async def _echo(self, request: web.BaseRequest) -> web.WebSocketResponse:
        socket_ = web.WebSocketResponse(protocols=["graphql-transport-ws"])
        await socket_.prepare(request)
        async for message in socket_:
            if message.type is WSMsgType.TEXT and message.data == "bye":
                await socket_.close(code=4001, message=b"as asked")
            elif message.type is WSMsgType.TEXT:
                await socket_.send_str(f"echo {message.data}")
            elif message.type is WSMsgType.BINARY:
                await socket_.send_bytes(message.data[::-1])
        return socket_
