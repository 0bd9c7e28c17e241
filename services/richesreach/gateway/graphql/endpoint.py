"""`/graphql` over HTTP: POST for everything, GET for persisted queries, and in non-prod the editor."""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from graphql import OperationType
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send
from strawberry.http.ides import get_graphql_ide_html

from richesreach.core.auth.callers import identify
from richesreach.core.dispatch import Place
from richesreach.core.limits.admission import left_to_say
from richesreach.core.limits.gcra import Decision
from richesreach.core.limits.limiter import Limiter
from richesreach.core.problems import MEDIA_TYPE, problem_body
from richesreach.gateway.graphql import limits, requests
from richesreach.gateway.graphql.documents import Documents, Operation
from richesreach.gateway.graphql.errors import RequestError
from richesreach.gateway.graphql.execution import Answer, Executor
from richesreach.gateway.graphql.persisted import Persisted
from richesreach.gateway.graphql.requests import GraphQLRequest

RESPONSE = "application/graphql-response+json"
_JSON = "application/json"
# Of a kept answer: viewers and the edge may reuse it for as long as a process does, and while they ask anew.
_PUBLIC = f"public, max-age={int(limits.ANSWER_SECONDS)}, stale-while-revalidate=5"
_PRIVATE = "private, no-store"


# What metrics and logs take a request's template from, and the methods of HTTP.
PLACE = Place("/graphql")
METHODS = ("GET", "HEAD", "POST")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An ASGI application: the framework's own route would take longer than a kept answer."""

    documents: Documents
    persisted: Persisted
    executor: Executor
    limiter: Limiter
    editor: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = PLACE
        try:
            response = await self._answer(scope, receive)
        except RequestError as error:
            response = self._refusal(scope, error)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        headers, method = Headers(scope=scope), scope["method"]
        if method == "POST":
            asked = requests.of_body(headers, await _body(scope, receive))
        elif method in {"GET", "HEAD"}:
            if self.editor and not scope["query_string"] and "text/html" in headers.get("accept", ""):
                page = get_graphql_ide_html("graphiql")
                return HTMLResponse(page, headers={"cache-control": "no-store"})
            asked = requests.of_query_string(scope["query_string"])
            if asked.hash is None:
                message = "GET is for persisted queries: send extensions.persistedQuery, or use POST."
                raise RequestError(400, "BAD_REQUEST", message)
        else:
            message = f"{method} is not allowed here."
            raise RequestError(405, "METHOD_NOT_ALLOWED", message, headers={"allow": ", ".join(METHODS)})
        operation = await self._operation(asked, method)
        cost = operation.cost(asked.variables)
        told = await self.charge(scope, cost)
        who = functools.partial(identify, HTTPConnection(scope))
        context = self.executor.context(operation, scope["state"]["request_id"], who)
        answer = await self.executor.run(context, asked.variables, cost)
        return _response(answer, headers, method, {**told, "x-richesreach-cost": str(cost)})

    async def _operation(self, asked: GraphQLRequest, method: str) -> Operation:
        """Raises RequestError."""
        document = await self.persisted.document(asked)
        operation = self.documents.operation(document, asked.operation_name)
        if operation.type is OperationType.SUBSCRIPTION:
            message = "Subscribe over a WebSocket, with the protocol graphql-transport-ws."
            raise RequestError(400, "SUBSCRIPTION_OVER_HTTP", message)
        if method != "POST" and operation.type is not OperationType.QUERY:
            message = "What changes something is sent with POST."
            raise RequestError(405, "METHOD_NOT_ALLOWED", message, headers={"allow": "POST"})
        return operation

    async def charge(self, scope: Scope, cost: int, *, taken: int = 1) -> Mapping[str, str]:
        """Take what is beyond the requests that were `taken` from the caller's limit. Raises RequestError."""
        caller = scope["state"].get("caller")
        more = limits.weight(cost) - taken
        if caller is None or not more:  # the request itself was counted before
            return {}
        decision = await self.limiter.check(caller.name, caller.tier, more)
        if decision.admitted:
            return _left(decision)
        message = (
            f"This asks for up to {cost} values and counts for {more + taken} requests; the limit of"
            f" {caller.tier.quota} per {caller.tier.seconds} s ({caller.tier.name}) does not have them left."
        )
        raise RequestError(429, "RATE_LIMITED", message, headers=_left(decision))

    def _refusal(self, scope: Scope, error: RequestError) -> Response:
        """A problem that GraphQL clients can read too: its `errors` are GraphQL's."""
        told = error.formatted(scope["state"]["request_id"])
        self.executor.metrics.errors.labels(error.code).inc()
        headers = {**error.headers, "cache-control": _PRIVATE}
        if error.status == 200 or RESPONSE in Headers(scope=scope).get("accept", ""):
            kind = RESPONSE if error.status != 200 else _JSON
            body: dict[str, Any] = {"errors": told}
        else:
            kind = MEDIA_TYPE
            slug = error.code.lower().replace("_", "-")
            body = problem_body(scope, error.status, error.message, kind=slug) | {"errors": told}
        return Response(msgspec.json.encode(body), error.status, headers, kind)


async def _body(scope: Scope, receive: Receive) -> bytes:
    """Raises RequestError for a client that left before its end, HTTPException for one too large."""
    try:
        return await Request(scope, receive).body()
    except ClientDisconnect as error:
        raise RequestError(400, "BAD_REQUEST", "The request ended before its body.") from error


def _left(decision: Decision) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in left_to_say(decision)}


def _response(answer: Answer, headers: Headers, method: str, told: Mapping[str, str]) -> Response:
    accepted = headers.get("accept", "")
    kind = RESPONSE if RESPONSE in accepted else _JSON
    if method == "POST" or not answer.public:
        out = {**told, "cache-control": _PRIVATE}
        if answer.status == 503:
            out["retry-after"] = "2"
        return Response(answer.body, answer.status, out, kind)
    tag = f'"{hashlib.blake2b(answer.body, digest_size=16).hexdigest()}"'
    # Not what is left of one caller's limit: others may get this answer too.
    out = {"cache-control": _PUBLIC, "etag": tag, "vary": "accept"}
    if tag in headers.get("if-none-match", ""):
        return Response(status_code=304, headers=out)
    return Response(answer.body, answer.status, out, kind)
