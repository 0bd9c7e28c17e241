"""Which request this is and which region answers it: two headers on every response."""

import re
import uuid

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from richesreach.core import logs

REQUEST_ID = "x-request-id"
REGION = "x-richesreach-region"
_BEGIN = frozenset({"http.response.start", "websocket.accept"})
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

        header = (REQUEST_ID.encode(), request_id.encode())

        async def send_with_id(message: Message) -> None:
            if message["type"] in _BEGIN:
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        with logs.facts(request_id=request_id):
            await self.app(scope, receive, send_with_id)


class RegionMiddleware:
    """Names the region that answered on every response."""

    def __init__(self, app: ASGIApp, region: str) -> None:
        self.app = app
        self.header = (REGION.encode(), region.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_region(message: Message) -> None:
            if message["type"] in _BEGIN:
                message["headers"] = [*message.get("headers", ()), self.header]
            await send(message)

        await self.app(scope, receive, send_with_region)
