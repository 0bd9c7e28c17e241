"""Between a viewer's request and the origin: hit, miss, revalidate, collapse, serve stale."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from aiohttp import hdrs
from multidict import CIMultiDict

from ops.local.edge.answer import ERROR, HIT, MISS, REFRESHED, Answer, Body
from ops.local.edge.cache import OBJECT_LIMIT, Cache, CacheKey, Entry
from ops.local.edge.cache_policy import (
    CachePolicy,
    Lifetime,
    error_lifetime,
    is_storable,
    lifetime,
)
from ops.local.edge.forward import UpstreamError
from ops.local.edge.log import log

PASSING_LIMIT = 4096
"""Keys remembered as not cacheable, whose requests are not made to wait for each other."""

Fetch = Callable[[CIMultiDict[str]], Awaitable[Answer]]
"""Asks the origin, with these conditional headers. Raises UpstreamError."""


@dataclass(frozen=True)
class Wanted:
    """One cacheable request: its key, the path with query that invalidations name, and how to ask the origin.

    `error_ttl(status)` is the distribution's Error Caching Minimum TTL in seconds.
    """

    key: CacheKey
    path: str
    policy: CachePolicy
    fetch: Fetch
    error_ttl: Callable[[int], float]


class _Storing:
    """A body on its way to a viewer, kept once it has passed whole; `landed` is called in any case."""

    def __init__(
        self, cache: Cache, key: CacheKey, entry: Entry, body: Body, landed: Callable[[], None]
    ) -> None:
        self._cache = cache
        self._key = key
        self._entry = entry
        self._body = body
        self._chunks = aiter(body)
        self._landed = landed
        self._parts: list[bytes] = []
        self._size = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await anext(self._chunks)
        except StopAsyncIteration:
            if self._size <= OBJECT_LIMIT:
                self._cache.put(self._key, replace(self._entry, body=b"".join(self._parts)))
            self._landed()
            raise
        self._size += len(chunk)
        if self._size <= OBJECT_LIMIT:
            self._parts.append(chunk)
        return chunk

    async def aclose(self) -> None:
        """Keep nothing of a body that was not read to its end."""
        self._landed()
        await self._body.aclose()


class CachingOrigin:
    """Answers cacheable requests, from the cache where it may."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._flights: dict[CacheKey, asyncio.Future[None]] = {}
        self._passing: OrderedDict[CacheKey, None] = OrderedDict()
        self._background: set[asyncio.Task[None]] = set()

    async def respond(self, wanted: Wanted) -> Answer:
        """The answer, its body perhaps still to come. Raises UpstreamError."""
        waited = False
        while True:
            now = self._cache.now()
            entry = self._cache.get(wanted.key)
            if entry is not None and entry.is_fresh(now):
                return entry.answer(now, HIT if entry.status < 400 else ERROR)
            flight = self._flights.get(wanted.key)
            if entry is not None and entry.may_be_stale(now):
                if flight is None:
                    self._revalidate_later(wanted, entry)
                return entry.answer(now, HIT)
            if flight is None or waited or wanted.key in self._passing:
                return await self._lead(wanted, entry)
            await asyncio.wait((flight,))
            waited = True

    def stored(self, key: CacheKey) -> Answer | None:
        """A fresh object without asking anybody, for a request that cannot fill the cache itself."""
        now = self._cache.now()
        entry = self._cache.get(key)
        return entry.answer(now, HIT) if entry is not None and entry.is_fresh(now) else None

    def _revalidate_later(self, wanted: Wanted, entry: Entry) -> None:
        async def revalidate() -> None:
            try:
                answer = await self._lead(wanted, entry)
                await answer.whole()
            except UpstreamError as failed:
                log("revalidation_failed", path=wanted.path, reason=failed.reason)

        task = asyncio.create_task(revalidate())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _lead(self, wanted: Wanted, entry: Entry | None) -> Answer:
        """Ask the origin; others with the same key wait until the answer is stored or known not to be."""
        flight: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flights.setdefault(wanted.key, flight)

        def landed() -> None:
            if self._flights.get(wanted.key) is flight:
                del self._flights[wanted.key]
            if not flight.done():
                flight.set_result(None)

        try:
            answer = self._keep(wanted, await self._ask(wanted, entry), landed)
        except BaseException:
            landed()
            raise
        if not isinstance(answer.body, _Storing):
            landed()
        return answer

    async def _ask(self, wanted: Wanted, entry: Entry | None) -> Answer:
        try:
            answer = await wanted.fetch(_conditions(entry))
        except UpstreamError:
            now = self._cache.now()
            if entry is not None and entry.may_replace_error(now):
                return _unkept(entry.answer(now, HIT))
            raise
        now = self._cache.now()
        if answer.status == 304 and entry is not None:
            await answer.discard()
            merged = CIMultiDict(entry.headers)
            merged.update(answer.headers)
            renewed = entry.renewed(answer.headers, lifetime(wanted.policy, merged, now), now)
            self._cache.put(wanted.key, renewed)
            return _unkept(renewed.answer(now, REFRESHED))
        if answer.status >= 500 and entry is not None and entry.may_replace_error(now):
            await answer.discard()
            return _unkept(entry.answer(now, HIT))
        return answer

    def _keep(self, wanted: Wanted, answer: Answer, landed: Callable[[], None]) -> Answer:
        """Store the answer, now or as its body passes; or remember that answers of this key are not kept."""
        if answer.notes.pop("unkept", None):
            return answer
        now = self._cache.now()
        terms = self._terms(wanted, answer, now)
        if not answer.generated:
            answer.cache = ERROR if answer.status >= 400 else MISS
        if terms is None or (answer.length or 0) > OBJECT_LIMIT:
            self._passing[wanted.key] = None
            while len(self._passing) > PASSING_LIMIT:
                self._passing.popitem(last=False)
            return answer
        self._passing.pop(wanted.key, None)
        age = answer.headers.get(hdrs.AGE, "")
        entry = Entry(
            path=wanted.path,
            status=answer.status,
            reason=answer.reason,
            headers=CIMultiDict(answer.headers),
            body=b"",
            region=answer.region,
            lifetime=terms,
            stored=now,
            age=float(age) if age.isdigit() else 0.0,
        )
        if isinstance(answer.body, bytes):
            self._cache.put(wanted.key, replace(entry, body=answer.body))
        else:
            answer.body = _Storing(self._cache, wanted.key, entry, answer.body, landed)
        return answer

    def _terms(self, wanted: Wanted, answer: Answer, now: datetime) -> Lifetime | None:
        """For how long the answer is kept; None when it is not."""
        if answer.status >= 400:
            minimum = wanted.error_ttl(answer.status)
            seconds = error_lifetime(wanted.policy, answer.status, answer.headers, minimum, now)
            return Lifetime(seconds) if seconds else None
        if not is_storable(answer.status, answer.headers, wanted.policy):
            return None
        terms = lifetime(wanted.policy, answer.headers, now)
        useful = terms.fresh > 0 or hdrs.ETAG in answer.headers or hdrs.LAST_MODIFIED in answer.headers
        return terms if useful else None


def _conditions(entry: Entry | None) -> CIMultiDict[str]:
    """The headers that ask whether a stored object is still the origin's."""
    asked: CIMultiDict[str] = CIMultiDict()
    if entry is not None and entry.status < 400:
        if hdrs.ETAG in entry.headers:
            asked[hdrs.IF_NONE_MATCH] = entry.headers[hdrs.ETAG]
        if hdrs.LAST_MODIFIED in entry.headers:
            asked[hdrs.IF_MODIFIED_SINCE] = entry.headers[hdrs.LAST_MODIFIED]
    return asked


def _unkept(answer: Answer) -> Answer:
    """Marks what came from the cache, so that it is not stored as if it were new."""
    answer.notes["unkept"] = "yes"
    return answer
