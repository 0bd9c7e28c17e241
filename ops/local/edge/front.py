"""What the edge does with a request: web ACL, behaviour, viewer functions, cache and origins, answer.

Each step is a module of its own; this one puts them in CloudFront's order.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from ops.local.edge import answers, finishing, lambda_hooks, places
from ops.local.edge.answer import ERROR, FUNCTION, Answer, deliver
from ops.local.edge.cache import Cache
from ops.local.edge.caching import CachingOrigin
from ops.local.edge.distribution import Distribution, Function, pick
from ops.local.edge.exchange import Exchange
from ops.local.edge.firewall import Firewall
from ops.local.edge.forward import UpstreamError
from ops.local.edge.functions import FunctionError, FunctionRuntime, Outcome
from ops.local.edge.lambda_headers import LambdaError
from ops.local.edge.log import log
from ops.local.edge.origins import Origins, wants_websocket
from ops.local.edge.places import Place, UnknownPlaceError
from ops.local.edge.serving import Serving
from ops.local.edge.statistics import Statistics
from ops.local.edge.viewer import ViewerRequest
from ops.local.edge.viewer_response import apply_response, generated_answer, response_event
from ops.local.edge.zones import World


@dataclass
class Deployed:
    """The newest known configuration. `stores` are KeyValueStores by ARN."""

    distributions: tuple[Distribution, ...] = ()
    stores: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    world: World = field(default_factory=World)


class Front:
    """Answers viewers as the deployed distributions say. `home` is the region where unplaced viewers are."""

    def __init__(self, session: aiohttp.ClientSession, runtime: FunctionRuntime, home: str) -> None:
        self._runtime = runtime
        self._home = home
        self.deployed = Deployed()
        self.cache = Cache()
        self.firewall = Firewall()
        self.statistics = Statistics()
        self._origins = Origins(session, lambda: self.deployed.world)
        self._serving = Serving(self._origins, CachingOrigin(self.cache))

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; every failure becomes an answer that names it."""
        started = time.monotonic()
        request_id = answers.new_request_id()
        try:
            place = places.find(request.headers.get(places.HEADER) or self._home)
        except UnknownPlaceError as unknown:
            headers = answers.edge_headers(request_id, None, ERROR)
            return answers.problem(400, "Unknown viewer location", str(unknown), headers)
        exchange = self._exchange(request, request_id, place)
        if exchange is None:
            reason = "no distribution is deployed and enabled yet: deploy the edge stack (richesreach up)"
            answer = answers.error(503, reason, request_id)
            answer.headers.update(answers.edge_headers(request_id, place, ERROR))
            return await deliver(request, answer)
        result = await self._answer(exchange)
        cache = result.cache if isinstance(result, Answer) else "Upgrade"
        self.statistics.count(cache)
        log(
            "request",
            id=request_id,
            method=request.method,
            path=request.raw_path,
            status=result.status,
            cache=cache.partition(" ")[0],
            pop=place.pop,
            origin=exchange.region,
            ms=round((time.monotonic() - started) * 1000, 1),
        )
        return await deliver(request, result) if isinstance(result, Answer) else result

    def _exchange(self, request: web.BaseRequest, request_id: str, place: Place) -> Exchange | None:
        distribution = pick(self.deployed.distributions, request.headers.get("Host", ""))
        if distribution is None:
            return None
        behaviour = distribution.behaviour(request.raw_path.partition("?")[0])
        viewer = ViewerRequest.of(request, place.headers(), behaviour.generated())
        target = distribution.target(behaviour.origin_id)
        return Exchange(request, request_id, place, distribution, behaviour, viewer, target)

    async def _answer(self, exchange: Exchange) -> Answer | web.StreamResponse:
        """An answer ready to go, or an upgraded connection that has ended."""
        try:
            result = await self._passed(exchange)
            if not isinstance(result, Answer):
                return result
            await self._viewer_response(exchange, result)
        except FunctionError as failed:
            result = answers.error(failed.status, str(failed), exchange.id)
        except LambdaError as failed:
            result = answers.error(failed.status, str(failed), exchange.id, failed.cache)
        except UpstreamError as failed:
            result = answers.error(failed.status, failed.reason, exchange.id)
        finishing.sign(exchange, result)
        return result

    async def _passed(self, exchange: Exchange) -> Answer | web.StreamResponse:
        """What web ACL, behaviour and viewer-request functions let through, answered."""
        behaviour = exchange.behaviour
        blocked = self.firewall.inspect(exchange)
        if blocked is not None:
            return await self._serving.error_page(exchange, blocked)
        if exchange.request.method not in behaviour.methods:
            allowed = ", ".join(sorted(behaviour.methods))
            method = exchange.request.method
            reason = f"{method} is not allowed for {behaviour.pattern}; the behaviour allows {allowed}"
            return answers.error(403, reason, exchange.id)
        generated = await self._viewer_request(exchange)
        if generated is not None:
            return generated
        if wants_websocket(exchange) and exchange.target is not None:
            return await self._origins.upgrade(exchange, exchange.target)
        return await self._serving.answer(exchange)

    async def _viewer_request(self, exchange: Exchange) -> Answer | None:
        """Run the function at viewer-request, of either kind; the answer that it gave itself, if it did."""
        function = exchange.behaviour.function
        if function is None:
            return await lambda_hooks.viewer_request(exchange)
        event = exchange.viewer.event(exchange.client, exchange.context)
        chosen = await self._run(exchange, function, event)
        if "statusCode" in chosen.output:
            return generated_answer(chosen.output)
        exchange.viewer = exchange.viewer.after(event, chosen.output)
        exchange.target = exchange.distribution.chosen(exchange.target, chosen.origin)
        return None

    async def _viewer_response(self, exchange: Exchange, answer: Answer) -> None:
        """The response headers policy, then the function at viewer-response."""
        policy = exchange.behaviour.response_policy
        if policy is not None:
            finishing.note(exchange, answer)
            policy.apply(answer, exchange.request.method, exchange.request.headers)
        if answer.cache == FUNCTION:
            return
        await lambda_hooks.viewer_response(exchange, answer)
        function = exchange.behaviour.response_function
        if function is None or answer.status >= 400:
            return
        event = exchange.viewer.event(exchange.client, exchange.context, "viewer-response")
        event["response"] = response_event(answer)
        apply_response(answer, (await self._run(exchange, function, event)).output)

    async def _run(self, exchange: Exchange, function: Function, event: Mapping[str, Any]) -> Outcome:
        items = self.deployed.stores.get(function.store or "")
        return await self._runtime.run(function, items, event, list(exchange.distribution.origins))
