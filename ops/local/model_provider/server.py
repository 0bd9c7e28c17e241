"""The mock on the wire: HTTP/1.1 by hand, so that it can break off where a real server breaks off."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import httptools

from ops.local.model_provider.asked import HEADER
from ops.local.model_provider.routes import JSON, Route, find
from ops.local.model_provider.rules import Rule, RuleError, Rules

#: Requests that are remembered.
SEEN = 10_000
# Modes whose delay is not before the answer.
LATER = frozenset({"slow_stream", "truncated", "malformed", "error_in_stream", "huge"})
HUGE = b" " * 65536
_REASON = {200: b"OK", 307: b"Temporary Redirect", 400: b"Bad Request", 404: b"Not Found", 429: b"Too Many"}


@dataclass
class Seen:
    """One request as it came, without its key: `key` is the key's last four characters."""

    provider: str
    model: str
    key: str
    mode: str
    request_id: str | None
    path: str
    body: Any
    headers: list[str]
    peer: str = ""
    events: int = 0
    finished: bool = False
    cut: bool = False


@dataclass
class Mock:
    """What all connections share."""

    rules: Rules
    seen: list[Seen] = field(default_factory=list)
    remember: bool = True
    count: int = 0

    def admin(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """`PUT /_mock/rules` takes a list of rules, `GET /_mock/seen` tells what came, DELETE forgets either.

        `PUT /_mock/remember` with `false` keeps nothing, for load.
        """
        if path == "/_mock/rules" and method == "PUT":
            self.rules.set(json.loads(body))
        elif path == "/_mock/rules" and method == "DELETE":
            self.rules.set([])
        elif path == "/_mock/seen" and method == "GET":
            return 200, [asdict(item) for item in self.seen]
        elif path == "/_mock/seen" and method == "DELETE":
            self.seen.clear()
        elif path == "/_mock/remember" and method == "PUT":
            self.remember = bool(json.loads(body))
        elif path != "/_mock/health":
            return 404, {"error": "the mock has no such place"}
        return 200, {"mock": True, "count": self.count}


class Connection(asyncio.Protocol):
    """One connection; requests on it come one after the other."""

    def __init__(self, mock: Mock) -> None:
        self.mock = mock
        self.parser = httptools.HttpRequestParser(self)
        self.transport: asyncio.Transport
        self.task: asyncio.Task[None] | None = None
        self.flows = asyncio.Event()
        self.flows.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.task is not None:
            self.task.cancel()

    def pause_writing(self) -> None:
        self.flows.clear()

    def resume_writing(self) -> None:
        self.flows.set()

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def on_message_begin(self) -> None:
        self.url = b""
        self.body = b""
        self.headers: dict[str, str] = {}

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        method, path = self.parser.get_method().decode(), self.url.partition(b"?")[0].decode("latin-1")
        if path.startswith("/_mock/"):
            try:
                self._json(*self.mock.admin(method, path, self.body))
            except (RuleError, ValueError) as error:
                self._json(400, {"error": str(error)})
            return
        self.mock.count += 1
        rule = Rule("ok")
        try:
            route = find(method, path, self.body, lambda: rule.mode != "no_usage")
        except (ValueError, KeyError, TypeError) as error:
            self._json(400, {"error": {"message": f"Mock: {error!r}", "type": "invalid_request_error"}})
            return
        if route is None:
            self._json(404, {"error": {"message": f"Mock: no {path}", "type": "invalid_request_error"}})
            return
        key = self._key()
        try:
            rule = self.mock.rules.of(route.provider, route.asked.model, key, self.headers.get("x-mock-mode"))
        except RuleError as error:
            self._json(400, {"error": {"message": f"Mock: {error}", "type": "invalid_request_error"}})
            return
        seen = self._remember(route, rule, key, path)
        if rule.mode == "ok" and not route.asked.stream:
            self._answer(200, {"content-type": JSON}, json.dumps(route.whole()).encode())
            seen.finished = True
            return
        self.task = asyncio.get_running_loop().create_task(self._misbehave(route, rule, seen))

    def _key(self) -> str:
        shown = self.headers.get("authorization", "").removeprefix("Bearer ")
        return (shown or self.headers.get("x-api-key") or self.headers.get("x-goog-api-key") or "")[-4:]

    def _remember(self, route: Route, rule: Rule, key: str, path: str) -> Seen:
        seen = Seen(
            route.provider,
            route.asked.model,
            key,
            rule.mode,
            self.headers.get("x-request-id"),
            path,
            None,
            [],
        )
        if self.mock.remember and len(self.mock.seen) < SEEN:
            seen.body = json.loads(self.body) if self.body else None
            seen.headers = sorted(self.headers)
            seen.peer = str(self.transport.get_extra_info("peername"))
            self.mock.seen.append(seen)
        return seen

    # ---------------------------------------------------------------------------------------- what goes out

    async def _misbehave(self, route: Route, rule: Rule, seen: Seen) -> None:
        try:
            if rule.mode == "hang":
                await asyncio.Event().wait()
            if rule.delay and rule.mode not in LATER:
                await asyncio.sleep(rule.delay)
            if rule.mode == "down":
                self.transport.abort()
            elif rule.mode == "redirect":
                self._answer(307, {"location": "http://127.0.0.1:9/elsewhere"}, b"")
            elif rule.mode in {"ok", "slow", "slow_stream", "no_usage"}:
                await self._well(route, rule, seen)
            elif rule.mode in {"truncated", "malformed", "error_in_stream", "huge"}:
                await self._broken(route, rule, seen)
            else:
                self._answer(*route.failure(rule))
            seen.finished = True
        except asyncio.CancelledError:
            seen.cut = True
            raise

    async def _well(self, route: Route, rule: Rule, seen: Seen) -> None:
        if not route.asked.stream:
            body = route.whole()
            if rule.mode == "no_usage":
                for name in ("usage", "usageMetadata"):
                    body.pop(name, None)
            self._answer(200, {"content-type": JSON}, json.dumps(body).encode())
            return
        self._begin(route)
        for piece in route.pieces():
            if rule.mode == "slow_stream":
                await asyncio.sleep(rule.delay)
            await self._piece(piece, seen)
        self.transport.write(b"0\r\n\r\n")

    async def _broken(self, route: Route, rule: Rule, seen: Seen) -> None:
        if not route.asked.stream:
            body = json.dumps(route.whole()).encode()
            if rule.mode == "huge":
                self._head(200, {"content-type": JSON, "content-length": str(1 << 40)})
                while True:
                    await self._write(HUGE)
            if rule.mode == "truncated":
                self._head(200, {"content-type": JSON, "content-length": str(len(body))})
                self.transport.write(body[: len(body) // 2])
                self.transport.close()
                return
            self._answer(200, {"content-type": JSON}, body[:-10])
            return
        self._begin(route)
        for piece in route.pieces()[: rule.events]:
            await self._piece(piece, seen)
        await asyncio.sleep(rule.delay)
        if rule.mode == "truncated":
            self.transport.close()
            return
        while rule.mode == "huge":
            await self._piece(b"data: " + HUGE if route.provider != "bedrock" else b"\x7f" * 65536, seen)
        await self._piece(route.error_piece() if rule.mode == "error_in_stream" else b'data: {"oh\n\n', seen)
        self.transport.write(b"0\r\n\r\n")

    def _begin(self, route: Route) -> None:
        headers = {
            "content-type": route.stream_type,
            "transfer-encoding": "chunked",
            "cache-control": "no-cache",
        }
        self._head(200, headers)

    async def _piece(self, piece: bytes, seen: Seen) -> None:
        await self._write(b"%x\r\n%s\r\n" % (len(piece), piece))
        seen.events += 1

    async def _write(self, data: bytes) -> None:
        if self.transport.is_closing():
            raise asyncio.CancelledError
        self.transport.write(data)
        await self.flows.wait()

    def _head(self, status: int, headers: dict[str, str]) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
        reason = _REASON.get(status, b"Status")
        self.transport.write(
            b"HTTP/1.1 %d %s\r\n%s: true\r\n%s\r\n" % (status, reason, HEADER.encode(), lines)
        )

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
        self.transport.write(
            b"HTTP/1.1 %d %s\r\n%s: true\r\n%scontent-length: %d\r\n\r\n%s"
            % (status, _REASON.get(status, b"Status"), HEADER.encode(), lines, len(body), body)
        )

    def _json(self, status: int, body: Any) -> None:
        self._answer(status, {"content-type": JSON}, json.dumps(body).encode())
