"""The four places of a request where a Lambda function may stand."""

from multidict import CIMultiDict

from ops.local.edge import lambda_edge
from ops.local.edge.answer import Answer
from ops.local.edge.exchange import Exchange
from ops.local.edge.lambda_events import (
    body_after,
    body_part,
    generated,
    origin_after,
    origin_part,
    record,
    request_part,
    response_after,
    response_part,
)
from ops.local.edge.lambda_headers import changed, invalid
from ops.local.edge.origin_request import OriginRequest


async def viewer_request(exchange: Exchange) -> Answer | None:
    """Let a function change the viewer's request; its own answer where it gave one. Raises LambdaError."""
    function = exchange.behaviour.lambdas.get("viewer-request")
    if function is None:
        return None
    viewer = exchange.viewer
    before = viewer.with_cookies()
    event = request_part(exchange.client, viewer.method, viewer.uri, viewer.query, before)
    if function.include_body:
        event["body"] = body_part("viewer-request", await exchange.read_body())
    payload = record(exchange.distribution, "viewer-request", exchange.id, event)
    result = await lambda_edge.run(function, "viewer-request", payload)
    if "status" in result:
        return generated("viewer-request", result)
    _require_request("viewer-request", result, viewer.method)
    headers = changed("viewer-request", before, result.get("headers"))
    exchange.viewer = viewer.replaced(str(result["uri"]), str(result.get("querystring", "")), headers)
    exchange.body = body_after("viewer-request", result.get("body")) or exchange.body
    return None


async def origin_request(exchange: Exchange, request: OriginRequest, region: str) -> Answer | None:
    """Let a function change the request to the origin, or the origin. Raises LambdaError."""
    function = exchange.behaviour.lambdas.get("origin-request")
    if function is None:
        return None
    event = request_part(exchange.client, request.method, request.uri, request.query, request.headers)
    event["origin"] = origin_part(request.origin, region)
    if function.include_body:
        request.body = await exchange.read_body()
        event["body"] = body_part("origin-request", request.body)
    payload = record(exchange.distribution, "origin-request", exchange.id, event)
    result = await lambda_edge.run(function, "origin-request", payload)
    if "status" in result:
        return generated("origin-request", result)
    _require_request("origin-request", result, request.method)
    request.headers = changed("origin-request", request.headers, result.get("headers"))
    request.uri, request.query = str(result["uri"]), str(result.get("querystring", ""))
    request.origin = origin_after("origin-request", request.origin, result.get("origin"))
    replaced = body_after("origin-request", result.get("body"))
    if replaced is not None:
        request.body = replaced
    return None


async def origin_response(exchange: Exchange, request: OriginRequest, answer: Answer) -> None:
    """Let a function change what the origin answered, before it is cached. Raises LambdaError."""
    function = exchange.behaviour.lambdas.get("origin-response")
    if function is None:
        return
    event = request_part(exchange.client, request.method, request.uri, request.query, request.headers)
    event["origin"] = origin_part(request.origin, exchange.region)
    payload = record(exchange.distribution, "origin-response", exchange.id, event, response_part(answer))
    result = await lambda_edge.run(function, "origin-response", payload)
    replaced = "body" in result
    if replaced:
        await answer.discard()
    response_after("origin-response", answer, result)


async def viewer_response(exchange: Exchange, answer: Answer) -> None:
    """Let a function change what the viewer gets; not asked for errors of the origin. Raises LambdaError."""
    function = exchange.behaviour.lambdas.get("viewer-response")
    if function is None or answer.status >= 400:
        return
    viewer = exchange.viewer
    headers: CIMultiDict[str] = viewer.with_cookies()
    event = request_part(exchange.client, viewer.method, viewer.uri, viewer.query, headers)
    payload = record(exchange.distribution, "viewer-response", exchange.id, event, response_part(answer))
    response_after("viewer-response", answer, await lambda_edge.run(function, "viewer-response", payload))


def _require_request(event: str, result: dict[str, object], method: str) -> None:
    uri = result.get("uri")
    if not isinstance(uri, str) or not uri.startswith("/"):
        raise invalid(event, f"returned the uri {uri!r}, which does not begin with a slash")
    if result.get("method", method) != method:
        raise invalid(event, "changed the method, which is read-only")
