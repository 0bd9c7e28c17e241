"""Which request this is and which region answers it: two headers on every response."""

import re
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID = "x-request-id"
REGION = "x-richesreach-region"
# Wide enough for UUIDs, trace ids and CloudFront's base64 ids; nothing that can break a log line or a header.
_VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9._:=+/@-]{1,128}")


def accepted_request_id(given: list[str]) -> str:
    """The caller's id when exactly one valid one was sent, else a fresh one."""
    if len(given) == 1 and _VALID_REQUEST_ID.fullmatch(given[0]):
        return given[0]
    return str(uuid.uuid4())


class RequestIdMiddleware:
    """Takes or gives the request id, answers it, and binds it to every log line of the request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        request_id = accepted_request_id(Headers(scope=scope).getlist(REQUEST_ID))
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.accept"}:
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        # What another request on the same connection has bound is not this one's.
        structlog.contextvars.clear_contextvars()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self.app(scope, receive, send_with_id)


class RegionMiddleware:
    """Names the region that answered on every response."""

    def __init__(self, app: ASGIApp, region: str) -> None:
        self.app = app
        self.region = region

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_region(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.accept"}:
                MutableHeaders(scope=message)[REGION] = self.region
            await send(message)

        await self.app(scope, receive, send_with_region)
