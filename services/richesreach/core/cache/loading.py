"""What happens on a miss: ask the servers, then the source, and decide what may be kept."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from richesreach.core.cache.codec import Entry, Format, UnreadableError, decode, encode
from richesreach.core.cache.counts import Outcome
from richesreach.core.cache.invalidation import invalidated_at
from richesreach.core.cache.kinds import Kind
from richesreach.core.database import describe
from richesreach.core.logs import logger

if TYPE_CHECKING:
    from richesreach.core.cache.client import Cache

# Seconds in which a source that failed is not asked again for a value of which an old one is at hand.
RESPITE = 1.0
# Seconds after an invalidation in which a replica may not have what was written: a value that is loaded then
# may be the one before, and is kept for so long only.
SETTLING, UNSETTLED = 10.0, 1.0
# Values that were loaded together should not all run out together: they live up to this share shorter.
SPREAD = 0.1


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from when no cache has it, and as what it is wanted."""

    load: Callable[[], Awaitable[Any | None]]
    wanted: Any
    kind: Kind
    tags: tuple[str, ...]


class Loading:
    """One miss of one key."""

    def __init__(self, cache: "Cache", key: str, source: Source) -> None:
        self.cache = cache
        self.key = key
        self.source = source
        self.epoch = cache.local.epoch(key) if cache.local is not None else 0
        self.marks = [f"key:{key}", f"kind:{source.kind.name}", *(f"tag:{tag}" for tag in source.tags)]

    async def entry(self) -> Entry | None:
        raw, seen = await self.cache.fetch(self.key, self.marks)
        shared = self._readable(raw)
        if shared is not None and shared.fresh_until > self.cache.now():
            self.cache.counts.add(self.key, Outcome.SHARED)
            self.cache.remember(self.key, shared, self.source.kind, self.epoch)
            return shared
        old = shared or self._remembered()
        self.cache.counts.add(self.key, Outcome.MISS)
        try:
            value = await self.source.load()
        except Exception as error:
            if old is None or old.absent or old.fresh_until + self.source.kind.stale <= self.cache.now():
                raise
            return self._instead(old, error)
        return await self._kept(value, seen)

    def _readable(self, raw: bytes | None) -> Entry | None:
        """The servers' entry, if the caller can use it: one of another type is loaded anew."""
        if raw is None:
            return None
        try:
            entry = Entry.unpack(raw)
            if not entry.absent:
                decode(entry, self.source.wanted)
        except UnreadableError as error:
            self.cache.unreadable(self.key, error)
            return None
        return entry

    def _remembered(self) -> Entry | None:
        """What this process still has, for the case that the servers are gone and the source fails."""
        return self.cache.local.last(self.key) if self.cache.local is not None else None

    def _instead(self, old: Entry, error: Exception) -> Entry:
        logger().warning("cache_gave_stale", cache=self.cache.name, key=self.key, error=describe(error))
        self.cache.counts.add(self.key, Outcome.STALE)
        self.cache.remember(self.key, old, self.source.kind, self.epoch, most=RESPITE)
        return old

    def _settling(self, seen: list[bytes] | None) -> bool:
        """Whether something that the value depends on was invalidated just before it was loaded."""
        since = self.cache.now() - SETTLING
        return any(invalidated_at(mark) > since for mark in seen or ())

    async def _kept(self, value: Any | None, seen: list[bytes] | None) -> Entry:
        kind = self.source.kind
        longest = UNSETTLED if self._settling(seen) else float(kind.ttl)
        if value is None:
            lasts, stale = min(longest, float(kind.negative)), 0.0
            entry = Entry(b"", Format.ABSENT, self.cache.now() + lasts)
        else:
            lasts, stale = longest * (1 - SPREAD * random.random()), float(kind.stale)  # noqa: S311
            entry = Entry(encode(value, kind.format), kind.format, self.cache.now() + lasts)
        stored = seen is not None and await self.cache.store(
            self.key,
            entry,
            lasts + stale,
            tags=self.source.tags,
            marks=dict(zip(self.marks, seen, strict=True)),
        )
        if stored or seen is None:
            self.cache.remember(self.key, entry, kind, self.epoch)
        return entry
