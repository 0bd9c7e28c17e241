"""From a behaviour to an answer: through the cache where it may, to the origins where it must."""

from dataclasses import replace

from aiohttp import hdrs
from multidict import CIMultiDict

from ops.local.edge import answers
from ops.local.edge.answer import ERROR, MISS, Answer
from ops.local.edge.cache import CacheKey
from ops.local.edge.cache_policy import DEFAULT_ERROR_TTL, cache_key
from ops.local.edge.caching import CachingOrigin, Wanted
from ops.local.edge.exchange import Exchange
from ops.local.edge.finishing import is_unchanged, slice_range, unchanged
from ops.local.edge.forward import UpstreamError
from ops.local.edge.log import log
from ops.local.edge.origin import Target
from ops.local.edge.origins import Origins
from ops.local.edge.viewer import ViewerRequest


class Serving:
    """Answers what has passed the functions at viewer-request."""

    def __init__(self, origins: Origins, caching: CachingOrigin) -> None:
        self._origins = origins
        self._caching = caching

    async def answer(self, exchange: Exchange) -> Answer:
        """An answer for every outcome; custom error responses are applied. Raises LambdaError."""
        answer = await self.plain(exchange)
        return await self.error_page(exchange, answer)

    async def plain(self, exchange: Exchange) -> Answer:
        """The answer of cache or origin; a failure becomes CloudFront's own error page."""
        if exchange.target is None:
            behaviour = exchange.behaviour
            reason = f"behaviour {behaviour.pattern}: no origin {behaviour.origin_id}"
            return answers.error(502, reason, exchange.id)
        root = exchange.distribution.root_object
        if exchange.viewer.uri == "/" and root:
            exchange.viewer = replace(exchange.viewer, uri="/" + root.lstrip("/"))
        try:
            return await self._routed(exchange, exchange.target)
        except UpstreamError as failed:
            return answers.error(failed.status, failed.reason, exchange.id)

    async def error_page(self, exchange: Exchange, answer: Answer) -> Answer:
        """The distribution's own page in place of an error, where it has one that can be had."""
        page = exchange.distribution.error_pages.get(answer.status)
        if page is None or not page.path:
            return answer
        behaviour = exchange.distribution.behaviour(page.path)
        inner = replace(
            exchange,
            behaviour=behaviour,
            viewer=ViewerRequest(hdrs.METH_GET, page.path, "", _modest(exchange.viewer), ()),
            target=exchange.distribution.target(behaviour.origin_id),
            body=b"",
        )
        found = await self.plain(inner)
        if found.status != 200:
            log("error_page_missing", path=page.path, status=found.status)
            await found.discard()
            return answer
        await answer.discard()
        found.status, found.reason = page.status or answer.status, None
        found.cache = ERROR
        return found

    async def _routed(self, exchange: Exchange, target: Target) -> Answer:
        method = exchange.viewer.method
        caches = method in exchange.behaviour.cached_methods | {hdrs.METH_GET, hdrs.METH_HEAD}
        if not caches or exchange.request.body_exists:
            return _seen(await self._origins.fetch(exchange, target))
        wanted = self._wanted(exchange, target)
        ranged = exchange.viewer.headers.get(hdrs.RANGE)
        if ranged or method == hdrs.METH_HEAD:
            whole = self._caching.stored(replace(wanted.key, method=hdrs.METH_GET))
            if whole is not None and (not ranged or slice_range(whole, ranged)):
                return whole
        if ranged:
            return _seen(await self._origins.fetch(exchange, target))
        answer = await self._caching.respond(wanted)
        if wanted.policy.max_ttl > 0 and is_unchanged(exchange.request, answer):
            await unchanged(answer)
        return answer

    def _wanted(self, exchange: Exchange, target: Target) -> Wanted:
        policy, viewer = exchange.behaviour.cache, exchange.viewer
        keeps_conditions = policy.max_ttl == 0

        async def fetch(conditions: CIMultiDict[str]) -> Answer:
            try:
                return await self._origins.fetch(exchange, target, None if keeps_conditions else conditions)
            except UpstreamError as failed:
                # An origin that does not answer counts as one that answers 5xx, and is kept as such.
                return answers.error(failed.status, failed.reason, exchange.id)

        parts = cache_key(policy, viewer.uri, viewer.query, viewer.headers, viewer.cookies)
        return Wanted(
            key=CacheKey(exchange.distribution.id, exchange.place.pop, viewer.method, parts),
            path=viewer.uri + (f"?{parts[1]}" if parts[1] else ""),
            policy=policy,
            fetch=fetch,
            error_ttl=lambda status: error_ttl(exchange, status),
        )


def error_ttl(exchange: Exchange, status: int) -> float:
    """The Error Caching Minimum TTL of a status, in seconds."""
    page = exchange.distribution.error_pages.get(status)
    return page.min_ttl if page is not None else DEFAULT_ERROR_TTL


def _modest(viewer: ViewerRequest) -> CIMultiDict[str]:
    """Of the viewer's headers those that still matter for an error page."""
    names = ("Accept-Encoding", "User-Agent")
    return CIMultiDict((name, viewer.headers[name]) for name in names if name in viewer.headers)


def _seen(answer: Answer) -> Answer:
    """What came straight from the origin."""
    if not answer.generated:
        answer.cache = ERROR if answer.status >= 400 else MISS
    return answer
