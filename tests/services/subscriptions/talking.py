"""A client of subscriptions that says exactly what a test says, and what a test publishes to it."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any

from fastapi import FastAPI
from richesreach.core.events import schemas
from richesreach.core.events.topics import MARKET_TICKS
from stream_client import eventually
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

PRICES = 'subscription { priceUpdate(symbol: "AAPL") { symbol price timestamp volume source } }'
PROTOCOL = Subprotocol("graphql-transport-ws")
Connect = Callable[..., AbstractAsyncContextManager["Talk"]]


class Talk:
    """A client that says exactly what the test says."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, type_: str, **more: Any) -> None:
        await self.socket.send(json.dumps({"type": type_, **more}))

    async def hear(self) -> Any:
        """The next message that is no ping."""
        while True:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), 30))
            if message["type"] != "ping":
                return message

    async def begin(self, **payload: Any) -> None:
        await self.say("connection_init", payload=payload)
        assert await self.hear() == {"type": "connection_ack"}

    async def subscribe(self, query: str, name: str = "1", **more: Any) -> None:
        await self.say("subscribe", id=name, payload={"query": query, **more})

    async def closed(self) -> int | None:
        """The code with which the service closed."""
        with contextlib.suppress(ConnectionClosed):
            async for _ in self.socket:
                pass
        return self.socket.close_code


async def listening(app: FastAPI, feed: str = "ticks") -> None:
    """Until what is published from now on reaches the subscribers."""
    found = getattr(app.state.graphql.executor._feeds, feed)
    await eventually(found._ready.is_set, f"the feed of {feed} is ready")


async def publish(app: FastAPI, *ticks: schemas.Tick) -> None:
    for each in ticks:
        await app.state.platform.events.publish(MARKET_TICKS, each.symbol, each)


def advice(symbol: str) -> schemas.Signal:
    return schemas.Signal(
        id="sig-1",
        symbol=symbol,
        engine="trend",
        version="1",
        action="buy",
        confidence=0.75,
        horizon="1h",
        time=1_700_000_000_000_000_000,
        price=Decimal(1),
    )
