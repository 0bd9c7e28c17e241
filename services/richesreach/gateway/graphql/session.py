"""One WebSocket that speaks graphql-transport-ws.

Source: the protocol's description in enisdenjo/graphql-ws, PROTOCOL.md. Only subscriptions are run over it:
queries and mutations have HTTP, where they can be retried, cached and read after a write.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from graphql import OperationType
from starlette.types import Message, Scope

from richesreach.core.problems import Problem
from richesreach.gateway.graphql import requests
from richesreach.gateway.graphql.channels import Channels, RefusedError, TooSlowError
from richesreach.gateway.graphql.endpoint import Endpoint
from richesreach.gateway.graphql.errors import RequestError
from richesreach.gateway.graphql.metrics import label_of
from richesreach.gateway.graphql.requests import Body

PROTOCOL = "graphql-transport-ws"
MAX_SUBSCRIPTIONS = 50
MAX_ID = 128
# Seconds that a client has for its first message.
INIT_WAIT = 5.0

# The protocol's codes, and 4410 for a client that does not keep up.
BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, INIT_TIMEOUT = 4400, 4401, 4403, 4408
ID_TAKEN, TOO_MANY_INITS, TOO_SLOW, GOING_AWAY = 4409, 4429, 4410, 1001


class ClientMessage(msgspec.Struct):
    type: str
    id: str | None = None
    payload: Any = None


_DECODER = msgspec.json.Decoder(ClientMessage)


class CloseError(Exception):
    """The connection ends with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Session:
    """`judge` gives the bearer of an Authorization text. Raises Problem."""

    def __init__(
        self,
        scope: Scope,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
        endpoint: Endpoint,
        channels: Channels,
        judge: Callable[[str], Awaitable[Any]],
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._endpoint = endpoint
        self._channels = channels
        self._judge = judge
        self._metrics = endpoint.executor.metrics
        self._who: Any = None
        self._begun = False
        self._running: dict[str, asyncio.Task[None]] = {}
        self._ending: asyncio.Future[CloseError | None] | None = None

    async def run(self) -> None:
        """Until the client or the service ends it."""
        self._ending = ending = asyncio.get_running_loop().create_future()
        listening = asyncio.create_task(self._listen(), name="websocket")
        listening.add_done_callback(lambda _done: self.end())
        try:
            error = await ending
            if error is not None:
                await self._close(error)
        finally:
            tasks = [listening, *self._running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def end(self, code: int = 0, reason: str = "") -> None:
        """With a code, the service closes; without one, the client has."""
        if self._ending is not None and not self._ending.done():
            self._ending.set_result(CloseError(code, reason) if code else None)

    async def ping(self) -> None:
        """Keeps the connection from looking idle to what is between."""
        if self._begun:
            await self._tell({"type": "ping"})

    # --------------------------------------------------------------------------------- from the client

    async def _listen(self) -> None:
        try:
            try:
                async with asyncio.timeout(INIT_WAIT):
                    while not self._begun:
                        if not await self._one():
                            return
            except TimeoutError:
                raise CloseError(INIT_TIMEOUT, "Connection initialisation timeout") from None
            while await self._one():
                pass
        except CloseError as error:
            self.end(error.code, error.reason)
        except Exception:
            self.end(1011, "The service failed.")
            raise

    async def _one(self) -> bool:
        """Take one message; False for the last. Raises CloseError."""
        received = await self._receive()
        if received["type"] == "websocket.disconnect":
            return False
        text = received.get("text")
        if text is None:
            raise CloseError(BAD_REQUEST, "Messages are text.")
        try:
            message = _DECODER.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise CloseError(BAD_REQUEST, "Invalid message received") from None
        match message.type:
            case "connection_init":
                await self._init(message.payload)
            case "ping":
                await self._tell({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                self._complete(message.id or "")
            case _:
                raise CloseError(BAD_REQUEST, "Invalid message received")
        return True

    async def _init(self, payload: Any) -> None:
        if self._begun:
            raise CloseError(TOO_MANY_INITS, "Too many initialisation requests")
        if payload is not None and not isinstance(payload, dict):
            raise CloseError(BAD_REQUEST, "Invalid message received")
        shown = {name.lower(): value for name, value in (payload or {}).items()}.get("authorization")
        if shown is not None:
            if not isinstance(shown, str):
                raise CloseError(BAD_REQUEST, "Invalid message received")
            try:
                self._who = await self._judge(shown)
            except Problem as problem:
                raise CloseError(FORBIDDEN, "Forbidden") from problem
        self._begun = True
        await self._tell({"type": "connection_ack"})

    async def _subscribe(self, message: ClientMessage) -> None:
        if not self._begun:
            raise CloseError(UNAUTHORIZED, "Unauthorized")
        name = message.id
        if not name or len(name) > MAX_ID:
            raise CloseError(BAD_REQUEST, f"An id has 1 to {MAX_ID} characters.")
        if name in self._running:
            raise CloseError(ID_TAKEN, f"Subscriber for {name} already exists")
        if len(self._running) >= MAX_SUBSCRIPTIONS:
            error = RequestError(429, "TOO_MANY_SUBSCRIPTIONS", f"{MAX_SUBSCRIPTIONS} are the most.")
            await self._refuse(name, error)
            return
        try:
            body = msgspec.convert(message.payload, Body)
        except msgspec.ValidationError:
            raise CloseError(BAD_REQUEST, "Invalid message received") from None
        self._running[name] = asyncio.create_task(self._follow(name, body), name="subscriber")

    def _complete(self, name: str) -> None:
        task = self._running.pop(name, None)
        if task is not None:
            task.cancel()

    # ----------------------------------------------------------------------------------- to the client

    async def _follow(self, name: str, body: Body) -> None:
        """One subscription, from its request to its end."""
        try:
            await self._results(name, body)
            await self._tell({"id": name, "type": "complete"})
        except RequestError as error:
            await self._refuse(name, error)
        except RefusedError as error:
            await self._tell({"id": name, "type": "error", "payload": error.told})
        except TooSlowError:
            self.end(TOO_SLOW, "The client takes messages too slowly.")
        finally:
            if self._running.get(name) is asyncio.current_task():
                del self._running[name]

    async def _results(self, name: str, body: Body) -> None:
        asked = requests.of_payload(body)
        document = await self._endpoint.persisted.document(asked)
        operation = self._endpoint.documents.operation(document, asked.operation_name)
        if operation.type is not OperationType.SUBSCRIPTION:
            message = "Only subscriptions are run over WebSockets: send this over HTTP."
            raise RequestError(400, "NOT_A_SUBSCRIPTION", message)
        await self._endpoint.charge(self._scope, operation.cost(asked.variables), taken=0)
        request_id = self._scope["state"]["request_id"]
        context = self._endpoint.executor.context(operation, request_id, self._caller)
        variables = msgspec.json.encode(asked.variables, order="sorted").decode()
        key = f"{document.hash}:{operation.name or ''}:{variables}"
        # The same for whoever asks: no subscription of the schema depends on its caller.
        member = self._channels.join(key, context, asked.variables)
        gauge = self._metrics.subscriptions.labels(label_of(operation))
        gauge.inc()
        head = b'{"id":%b,"type":"next","payload":' % msgspec.json.encode(name)
        try:
            async with contextlib.aclosing(member.results()) as results:  # type: ignore[type-var]
                async for result in results:
                    await self._send({"type": "websocket.send", "text": (head + result + b"}").decode()})
        finally:
            gauge.dec()

    async def _caller(self) -> Any:
        return self._who

    async def _refuse(self, name: str, error: RequestError) -> None:
        self._metrics.errors.labels(error.code).inc()
        told = error.formatted(self._scope["state"]["request_id"])
        await self._tell({"id": name, "type": "error", "payload": told})

    async def _tell(self, message: dict[str, Any]) -> None:
        await self._send({"type": "websocket.send", "text": msgspec.json.encode(message).decode()})

    async def _close(self, error: CloseError) -> None:
        self._metrics.closed.labels(str(error.code)).inc()
        # A client that takes nothing would keep the close frame waiting, too.
        with contextlib.suppress(TimeoutError, RuntimeError, OSError):
            async with asyncio.timeout(1):
                await self._send(
                    {"type": "websocket.close", "code": error.code, "reason": error.reason[:120]}
                )
