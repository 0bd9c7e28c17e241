"""A user pool's token endpoint that counts, dawdles, refuses and goes away as a test wants it."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import loopback
from aiohttp import web

CLIENT, SECRET = "machine", "s3cret/of+the=machine"
LIFE = 3600


@dataclass
class TokenEndpoint:
    """`life` is what the next token lives, in seconds; `open` is cleared to keep callers waiting."""

    life: int = LIFE
    status: int = 200
    body: bytes | None = None
    given: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        login = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        self.asked.append({**form, "login": login})
        self.reached.set()
        await self.open.wait()
        if self.status != 200:
            return web.json_response({"error": "invalid_client"}, status=self.status)
        if self.body is not None:
            return web.Response(body=self.body, content_type="application/json")
        self.given += 1
        token = {"access_token": f"token-{self.given}", "expires_in": self.life, "token_type": "Bearer"}
        return web.json_response(token)


async def _echo(request: web.Request) -> web.Response:
    """As a neighbour: what it was shown."""
    return web.json_response({"authorization": request.headers.get("authorization")})


@asynccontextmanager
async def token_endpoint() -> AsyncIterator[TokenEndpoint]:
    endpoint = TokenEndpoint()
    endpoint.open.set()
    app = web.Application()
    app.router.add_get("/echo", _echo)
    app.router.add_post("/oauth2/token", endpoint.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    host, port = loopback.own_address()
    await web.TCPSite(runner, host, port).start()
    endpoint.url = f"http://{host}:{port}/oauth2/token"
    try:
        yield endpoint
    finally:
        endpoint.open.set()
        await runner.cleanup()
