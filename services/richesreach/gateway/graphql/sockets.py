"""`/graphql` over WebSockets: accepts them, keeps them alive, and closes them when the service leaves."""

import asyncio
import contextlib

from starlette.types import Receive, Scope, Send

from richesreach.core.auth.authenticator import Authenticator
from richesreach.core.resilience.drain import Drain
from richesreach.gateway.graphql.channels import Channels
from richesreach.gateway.graphql.endpoint import PLACE, Endpoint
from richesreach.gateway.graphql.session import GOING_AWAY, PROTOCOL, Session

MAX_CONNECTIONS = 5_000
# Seconds between pings; load balancers and CloudFront take a connection that is silent for a minute for dead.
PING_INTERVAL = 25.0
_LOOK_INTERVAL = 0.5


class Sockets:
    """An ASGI application for `websocket` scopes."""

    def __init__(self, endpoint: Endpoint, authenticator: Authenticator, drain: Drain) -> None:
        self.channels = Channels(endpoint.executor.metrics)
        self._endpoint = endpoint
        self._authenticator = authenticator
        self._drain = drain
        self._sessions: set[Session] = set()
        self._keeper: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = PLACE
        message = await receive()
        if message["type"] != "websocket.connect":
            return
        if self._drain.draining or len(self._sessions) >= MAX_CONNECTIONS:
            await send({"type": "websocket.close", "code": 1013, "reason": "Try again later."})
            return
        if PROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": 4406, "reason": "Subprotocol not acceptable"})
            return
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        session = Session(scope, receive, send, self._endpoint, self.channels, self._authenticator.judge)
        self._sessions.add(session)
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name="websockets")
        connections = self._endpoint.executor.metrics.connections
        connections.inc()
        try:
            await session.run()
        finally:
            connections.dec()
            self._sessions.discard(session)

    async def _keep(self) -> None:
        """While there are connections: ping them, and end them when the service leaves."""
        loop = asyncio.get_running_loop()
        pinged = loop.time()
        while self._sessions:
            await asyncio.sleep(_LOOK_INTERVAL)
            if self._drain.draining:
                for session in [*self._sessions]:
                    session.end(GOING_AWAY, "The service is leaving; connect again.")
            elif loop.time() - pinged >= PING_INTERVAL:
                pinged = loop.time()
                for session in [*self._sessions]:
                    # One that does not take it in a moment is behind, and has its own way out.
                    with contextlib.suppress(TimeoutError, RuntimeError, OSError):
                        async with asyncio.timeout(0.01):
                            await session.ping()
        self._keeper = None
