"""Asking origins: one, or those of a group in turn, with the Lambda functions around them."""

import time
from collections.abc import Callable

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict

from ops.local.edge import lambda_hooks, s3_origin
from ops.local.edge.answer import Answer, from_upstream
from ops.local.edge.compression import compress, is_compressible
from ops.local.edge.exchange import Exchange
from ops.local.edge.forward import UpstreamError, is_websocket, open_upstream
from ops.local.edge.log import log
from ops.local.edge.origin import Origin, Target
from ops.local.edge.origin_request import CONDITIONAL, OriginRequest, compose
from ops.local.edge.places import Place
from ops.local.edge.websocket import relay_websocket
from ops.local.edge.zones import Endpoint, UnresolvedError, World

FOREIGN = ("X-Amz-Cf-Id", "X-Amz-Cf-Pop", "X-Cache")
"""Headers of another CDN's making that an origin may send; the edge's own replace them."""


class Origins:
    """Sends requests to the origins of a distribution. `world` gives the newest state of Route 53."""

    def __init__(self, session: aiohttp.ClientSession, world: Callable[[], World]) -> None:
        self._session = session
        self._world = world

    async def fetch(
        self, exchange: Exchange, target: Target, conditions: CIMultiDict[str] | None = None
    ) -> Answer:
        """The answer of the first origin that does not fail over; its body is still to come.

        `conditions` replace the viewer's conditional headers; None leaves those. Raises UpstreamError, and
        LambdaError from the functions on the way.
        """
        method = exchange.viewer.method
        for position, origin in enumerate(target.origins):
            try:
                answer = await self._ask(exchange, origin, conditions)
            except UpstreamError as failed:
                if not target.fails_over(method, failed.failover, position):
                    raise
                log("origin_failover", id=exchange.id, origin=origin.id, reason=failed.reason)
                continue
            if not target.fails_over(method, answer.status, position):
                return answer
            log("origin_failover", id=exchange.id, origin=origin.id, status=answer.status)
            await answer.discard()
        raise UpstreamError(502, "the origin group has no origin")

    async def upgrade(self, exchange: Exchange, target: Target) -> web.StreamResponse | Answer:
        """Join a WebSocket with the primary origin; an Answer where a function refused it."""
        origin = target.origins[0]
        request, endpoint, refused = await self._prepare(exchange, origin, None)
        if refused is not None:
            return refused
        headers = exchange.headers("Miss from cloudfront")
        try:
            return await relay_websocket(
                self._session, exchange.request, request.upstream(endpoint), headers, frozenset(FOREIGN)
            )
        except UpstreamError as failed:
            raise _named(request.origin, failed) from failed

    async def _prepare(
        self, exchange: Exchange, origin: Origin, conditions: CIMultiDict[str] | None
    ) -> tuple[OriginRequest, Endpoint, Answer | None]:
        """The request, and where it goes, after the function at origin-request."""
        request = compose(exchange.behaviour, origin, exchange.viewer, exchange.client, exchange.id)
        if conditions is not None:
            for name in CONDITIONAL:
                request.headers.popall(name, None)
            request.headers.update(conditions)
        request.body = exchange.body
        endpoint = self._locate(origin, exchange.place)
        refused = await lambda_hooks.origin_request(exchange, request, endpoint.region)
        if request.origin is not origin:
            endpoint = self._locate(request.origin, exchange.place)
        if not request.origin.custom:
            s3_origin.prepare(request)
        return request, endpoint, refused

    async def _ask(self, exchange: Exchange, origin: Origin, conditions: CIMultiDict[str] | None) -> Answer:
        request, endpoint, refused = await self._prepare(exchange, origin, conditions)
        if refused is not None:
            return refused
        exchange.region = endpoint.region
        began = time.monotonic()
        try:
            response = await open_upstream(self._session, exchange.request, request.upstream(endpoint))
        except UpstreamError as failed:
            raise _named(request.origin, failed) from failed
        exchange.upstream_ms = round((time.monotonic() - began) * 1000)
        answer = from_upstream(response, request.origin.completion_timeout)
        answer.region = endpoint.region
        for name in FOREIGN:
            answer.headers.popall(name, None)
        if not request.origin.custom:
            s3_origin.adapt(request.origin, answer)
        await lambda_hooks.origin_response(exchange, request, answer)
        encoding = request.headers.get(hdrs.ACCEPT_ENCODING, "")
        compresses = exchange.behaviour.compress and request.method == hdrs.METH_GET
        if compresses and is_compressible(answer, encoding):
            await compress(answer)
        return answer

    def _locate(self, origin: Origin, place: Place) -> Endpoint:
        """Where the origin is. Raises UpstreamError, as CloudFront for a name that DNS does not know."""
        if not origin.custom:
            return s3_origin.locate(origin)
        world = self._world()
        where = f"origin {origin.id} ({origin.domain})"
        if not world.knows(origin.domain):
            raise UpstreamError(502, f"{where}: no Route 53 record has this name")
        try:
            return world.resolve(origin.domain, place.location)
        except UnresolvedError as unresolved:
            raise UpstreamError(502, f"{where}: {unresolved}") from unresolved


def wants_websocket(exchange: Exchange) -> bool:
    """True when the viewer asks for an upgrade."""
    return is_websocket(exchange.request.headers)


def _named(origin: Origin, failed: UpstreamError) -> UpstreamError:
    return UpstreamError(
        failed.status, f"origin {origin.id} ({origin.domain}): {failed.reason}", failed.failover
    )
