"""The edge's store of objects: bounded in bytes, the least recently used leave first."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from multidict import CIMultiDict

from ops.local.edge.answer import Answer
from ops.local.edge.cache_policy import Lifetime
from ops.local.edge.wildcard import matches

CAPACITY = 64 * 1024 * 1024
OBJECT_LIMIT = 8 * 1024 * 1024
"""A larger object is passed on and not kept (CloudFront keeps up to 50 GB)."""

OVERHEAD = 512
"""Bytes counted for an entry beside its body and headers."""


@dataclass(frozen=True)
class CacheKey:
    """`pop`: each place of CloudFront has a cache of its own. `parts` are what the policy names."""

    distribution: str
    pop: str
    method: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A stored answer; `age` is what it had already when it came, in seconds."""

    path: str
    status: int
    reason: str | None
    headers: CIMultiDict[str]
    body: bytes
    region: str
    lifetime: Lifetime
    stored: datetime
    age: float = 0.0

    def age_at(self, now: datetime) -> int:
        """Seconds for the Age header."""
        return int(self.age + (now - self.stored).total_seconds())

    def is_fresh(self, now: datetime) -> bool:
        """True while the origin need not be asked."""
        return now < self.stored + timedelta(seconds=self.lifetime.fresh)

    def may_be_stale(self, now: datetime) -> bool:
        """True while it may be served and revalidated afterwards."""
        grace = self.lifetime.fresh + self.lifetime.while_revalidating
        return now < self.stored + timedelta(seconds=grace)

    def may_replace_error(self, now: datetime) -> bool:
        """True while it may be served in place of the origin's failure."""
        limit = self.lifetime.if_error
        if limit is None:
            return self.status < 400
        return now < self.stored + timedelta(seconds=self.lifetime.fresh + limit)

    def renewed(self, headers: CIMultiDict[str], lifetime: Lifetime, now: datetime) -> "Entry":
        """This entry after the origin said that it is unchanged (RFC 9111 4.3.4)."""
        merged = CIMultiDict(self.headers)
        merged.update((k, v) for k, v in headers.items() if k.lower() not in {"content-length", "etag"})
        return replace(self, headers=merged, lifetime=lifetime, stored=now, age=0.0)

    def answer(self, now: datetime, cache: str) -> Answer:
        """The answer to a viewer."""
        headers = CIMultiDict(self.headers)
        headers["Age"] = str(self.age_at(now))
        return Answer(self.status, headers, self.body, self.reason, cache, self.region)

    @property
    def size(self) -> int:
        """Bytes that it counts for."""
        return len(self.body) + sum(len(k) + len(v) for k, v in self.headers.items()) + OVERHEAD


class Cache:
    """Objects by key. `clock` gives the time."""

    def __init__(self, capacity: int = CAPACITY, clock: Callable[[], datetime] | None = None) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[CacheKey, Entry] = OrderedDict()
        self.now = clock or (lambda: datetime.now(UTC))
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[CacheKey]:
        return iter(self._entries)

    def get(self, key: CacheKey) -> Entry | None:
        """The stored object, fresh or not."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: CacheKey, entry: Entry) -> None:
        """Keep an object; the least recently used make room."""
        self.drop(key)
        if entry.size > min(self._capacity, OBJECT_LIMIT):
            return
        self._entries[key] = entry
        self.bytes += entry.size
        while self.bytes > self._capacity:
            _, oldest = self._entries.popitem(last=False)
            self.bytes -= oldest.size

    def drop(self, key: CacheKey) -> None:
        """Forget one object."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes -= entry.size

    def invalidate(self, distribution: str, pattern: str) -> int:
        """Forget what an invalidation path names (`*` only at its end); the number of objects forgotten."""
        gone = [
            key
            for key, entry in self._entries.items()
            if key.distribution == distribution and _names(pattern, entry.path)
        ]
        for key in gone:
            self.drop(key)
        return len(gone)


def _names(pattern: str, path: str) -> bool:
    wanted = unquote("/" + pattern.lstrip("/"))
    # A path without a query names every version of the object, whatever its query.
    if "?" not in wanted and not wanted.endswith("*"):
        path = path.partition("?")[0]
    return matches(wanted, unquote(path))
