"""What the edge does with a request: behaviour, viewer function, origin, forwarding.

Each step is a method or module of its own; a cache belongs around `_fetch`, origin groups and Lambda@Edge
into it.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from ops.local.edge import answers, origin_request, places
from ops.local.edge.distribution import Behaviour, Distribution, Origin, pick
from ops.local.edge.forward import UpstreamError, is_websocket, open_upstream, relay
from ops.local.edge.functions import FunctionError, FunctionRuntime
from ops.local.edge.log import log
from ops.local.edge.places import Place, UnknownPlaceError
from ops.local.edge.viewer import ViewerRequest, generated_response
from ops.local.edge.websocket import relay_websocket
from ops.local.edge.zones import Endpoint, UnresolvedError, World

MISS = "Miss from cloudfront"
ERROR = "Error from cloudfront"
GENERATED = "FunctionGeneratedResponse from cloudfront"


@dataclass
class Deployed:
    """The newest known configuration. `stores` are KeyValueStores by ARN."""

    distributions: tuple[Distribution, ...] = ()
    stores: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    world: World = field(default_factory=World)


@dataclass
class Exchange:
    """One request on its way through the edge."""

    request: web.BaseRequest
    id: str
    place: Place
    region: str = ""

    def headers(self, cache: str) -> dict[str, str]:
        """The edge's own headers for the answer."""
        local = {answers.LOCAL_ORIGIN: self.region} if self.region else {}
        return answers.edge_headers(self.id, self.place, cache) | local


class Front:
    """Answers viewers as the deployed distributions say. `home` is the region where unplaced viewers are."""

    def __init__(self, session: aiohttp.ClientSession, runtime: FunctionRuntime, home: str) -> None:
        self._session = session
        self._runtime = runtime
        self._home = home
        self.deployed = Deployed()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; every failure becomes an answer that names it."""
        started = time.monotonic()
        request_id = answers.new_request_id()
        try:
            place = places.find(request.headers.get(places.HEADER) or self._home)
        except UnknownPlaceError as unknown:
            headers = answers.edge_headers(request_id, None, ERROR)
            return answers.problem(400, "Unknown viewer location", str(unknown), headers)
        exchange = Exchange(request, request_id, place)
        try:
            response = await self._answer(exchange)
        except UpstreamError as failed:
            response = answers.error(failed.status, failed.reason, exchange.headers(ERROR))
        except UnresolvedError as unresolved:
            response = answers.error(502, str(unresolved), exchange.headers(ERROR))
        except FunctionError as failed:
            response = answers.error(failed.status, str(failed), exchange.headers(ERROR))
        elapsed = round((time.monotonic() - started) * 1000, 1)
        log(
            "request",
            id=request_id,
            method=request.method,
            path=request.raw_path,
            status=response.status,
            pop=place.pop,
            origin=exchange.region,
            ms=elapsed,
        )
        return response

    async def _answer(self, exchange: Exchange) -> web.StreamResponse:
        request = exchange.request
        distribution = pick(self.deployed.distributions, request.headers.get("Host", ""))
        if distribution is None:
            reason = "no distribution is deployed and enabled yet: deploy the edge stack (richesreach up)"
            return answers.error(503, reason, exchange.headers(ERROR))
        path = request.raw_path.partition("?")[0]
        behaviour = distribution.behaviour(path)
        if request.method not in behaviour.methods:
            allowed = ", ".join(sorted(behaviour.methods))
            reason = (
                f"{request.method} is not allowed for {behaviour.pattern}; the behaviour allows {allowed}"
            )
            return answers.error(403, reason, exchange.headers(ERROR))
        viewer = ViewerRequest.of(request, exchange.place.headers(), behaviour.generated())
        origin = distribution.origin(behaviour.origin_id)
        if behaviour.function is not None:
            context = {
                "distributionDomainName": distribution.domain,
                "distributionId": distribution.id,
                "requestId": exchange.id,
            }
            event = viewer.event(request.remote or "127.0.0.1", context)
            items = self.deployed.stores.get(behaviour.function.store or "")
            chosen = await self._runtime.run(behaviour.function, items, event, list(distribution.origins))
            if "statusCode" in chosen.output:
                response = generated_response(chosen.output)
                response.headers.update(exchange.headers(GENERATED))
                return response
            viewer = viewer.after(event, chosen.output)
            origin = _chosen(distribution, origin, chosen.origin)
        if origin is None:
            raise UpstreamError(502, f"behaviour {behaviour.pattern}: no origin {behaviour.origin_id}")
        return await self._fetch(exchange, behaviour, origin, viewer)

    async def _fetch(
        self, exchange: Exchange, behaviour: Behaviour, origin: Origin, viewer: ViewerRequest
    ) -> web.StreamResponse:
        endpoint = self._locate(origin, exchange.place)
        exchange.region = endpoint.region
        request = exchange.request
        upstream = origin_request.upstream(behaviour, origin, endpoint, viewer, request, exchange.id)
        try:
            if is_websocket(request.headers):
                return await relay_websocket(self._session, request, upstream, exchange.headers(MISS))
            answer = await open_upstream(self._session, request, upstream)
        except UpstreamError as failed:
            where = f"origin {origin.id} ({origin.domain})"
            raise UpstreamError(failed.status, f"{where}: {failed.reason}") from failed
        headers = exchange.headers(ERROR if answer.status >= 400 else MISS)
        removed = frozenset(("x-amz-cf-id", "x-amz-cf-pop", "x-cache"))
        return await relay(request, answer, headers, removed)

    def _locate(self, origin: Origin, place: Place) -> Endpoint:
        world = self.deployed.world
        if not origin.custom or not world.knows(origin.domain):
            kind = (
                "no Route 53 record has this name"
                if origin.custom
                else "S3 origins are not served locally yet"
            )
            raise UnresolvedError(f"origin {origin.id} ({origin.domain}): {kind}")
        return world.resolve(origin.domain, place.location)


def _chosen(
    distribution: Distribution, origin: Origin | None, choice: Mapping[str, object] | None
) -> Origin | None:
    """The origin after the function's choice; without one, the behaviour's."""
    if choice is None:
        return origin
    if "id" in choice:
        return distribution.origin(str(choice["id"]))
    changes = choice["update"]
    return origin.updated(changes) if origin is not None and isinstance(changes, Mapping) else origin
