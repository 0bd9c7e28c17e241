"""The cache's client: an accelerator, never a dependency. Its failures are misses, logged and counted."""

import functools
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from richesreach.core.cache import scripts
from richesreach.core.cache.broadcast import Broadcast, Gone
from richesreach.core.cache.codec import Entry, Format, UnreadableError, decode, encode
from richesreach.core.cache.counts import Counts, Outcome
from richesreach.core.cache.flights import Flights
from richesreach.core.cache.invalidation import Invalidation
from richesreach.core.cache.kinds import KINDS, Kind
from richesreach.core.cache.loading import Loading, Source
from richesreach.core.cache.local import LocalCache
from richesreach.core.cache.nodes import CacheNode, CacheUnavailableError, Nodes
from richesreach.core.cache.wire import Wire, Words
from richesreach.core.logs import logger

Value = TypeVar("Value")

# Seconds that a value is kept in the process while nobody tells it what was invalidated.
UNTOLD = 1.0


def _many(keys: Sequence[str], wire: Wire) -> Awaitable[Any]:
    return wire.call("MGET", *keys)


class Cache:
    """Values over the nodes of one data set, and in the process where `local` is given.

    Nothing here raises because of the servers. What a caller must mend raises: TypeError or ValueError for a
    value that cannot be encoded.
    """

    def __init__(
        self, nodes: Nodes, *, local: LocalCache | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self.name = nodes.name
        self.counts = Counts()
        self.local = local
        self.now = now
        self._nodes = nodes
        self._flights: Flights[Entry | None] = Flights()
        self._broadcast = Broadcast(nodes, self.told, self.deaf)
        self._invalidation = Invalidation(nodes, self.told, now)

    @property
    def nodes(self) -> list[CacheNode]:
        return self._nodes.all

    @property
    def servers(self) -> Nodes:
        return self._nodes

    @property
    def hit_ratio(self) -> float:
        return self.counts.hit_ratio

    @property
    def listening(self) -> bool:
        """Whether this process hears what others invalidate."""
        return self._broadcast.listening

    def open(self) -> None:
        """Begin to listen for invalidations; without a memory in the process there is nothing to drop."""
        if self.local is not None:
            self._broadcast.open()

    async def close(self) -> None:
        await self._broadcast.close()
        await self._nodes.close()

    # ------------------------------------------------------------------------------------------ reads

    async def get(self, key: str, wanted: type[Value] | Any = Any) -> Value | Any | None:
        """The value as `wanted`, None when it is absent, not fresh, unreadable, or no node answers."""
        entry = self.recall(key)
        if entry is None:
            epoch = self.local.epoch(key) if self.local else 0
            raw = await self.ask_or(None, lambda wire: wire.call("GET", key), writing=False)
            entry = self._fresh(key, raw)
            if entry is not None:
                self.remember(key, entry, KINDS.get(key.partition(":")[0]), epoch)
            self.counts.add(key, Outcome.MISS if entry is None else Outcome.SHARED)
        return None if entry is None else self._value(key, entry, wanted)

    async def get_many(self, keys: Sequence[str], wanted: type[Value] | Any = Any) -> dict[str, Value | Any]:
        """The values that are there, by key, in one question to the servers."""
        found: dict[str, Entry] = {}
        for key in keys:
            entry = self.recall(key)
            if entry is not None:
                found[key] = entry
        missing = [key for key in dict.fromkeys(keys) if key not in found]
        if missing:
            nothing: list[bytes | None] = [None] * len(missing)
            raws = await self.ask_or(nothing, functools.partial(_many, missing), writing=False)
            for key, raw in zip(missing, raws, strict=True):
                entry = self._fresh(key, raw)
                self.counts.add(key, Outcome.MISS if entry is None else Outcome.SHARED)
                if entry is not None:
                    found[key] = entry
        values = {key: self._value(key, found[key], wanted) for key in keys if key in found}
        return {key: value for key, value in values.items() if value is not None}

    async def get_or_load(
        self,
        key: str,
        load: Callable[[], Awaitable[Value | None]],
        *,
        kind: Kind,
        wanted: type[Value] | Any = Any,
        tags: Sequence[str] = (),
    ) -> Value | None:
        """The value, from the nearest place that has it; from `load` when none has, once for all who ask.

        None when the source has none. Where `load` fails, the old value is given while it is not too stale;
        without one, its error is raised. `wanted` is decoded from what `load` gave, on a miss as on a hit.
        """
        entry = self.recall(key)
        if entry is None:
            source = Source(load, wanted, kind, tuple(tags))
            entry = await self._flights.join(key, lambda: Loading(self, key, source).entry())
        if entry is None or entry.absent:
            return None
        try:
            value: Value = decode(entry, wanted)
        except UnreadableError:
            # The process's memory holds it for a caller that wanted another type.
            return await load()
        return value

    # ------------------------------------------------------------------------------------------ writes

    async def set(self, key: str, value: Any, *, ttl_seconds: float, tags: Sequence[str] = ()) -> bool:
        """Whether a node took the value. Raises TypeError or ValueError for one that cannot be encoded.

        Other processes see it once their own copy has run out; `invalidate` first where that is too late.
        """
        entry = Entry(encode(value), Format.JSON, self.now() + ttl_seconds)
        stored = await self.store(key, entry, ttl_seconds, tags=tags, over=True)
        self.told(Gone(keys=[key]))
        return stored

    async def set_many(self, values: Mapping[str, Any], *, ttl_seconds: float) -> bool:
        """As `set`, in one round trip."""
        until = self.now() + ttl_seconds
        packed = {key: Entry(encode(value), Format.JSON, until).pack() for key, value in values.items()}

        commands: list[Words] = []
        for key, raw in packed.items():
            mark = f"{scripts.MARK}key:{key}"
            commands.append(("SET", mark, uuid.uuid4().hex, "PX", scripts.MARK_TTL))
            commands.append(("SET", key, raw, "PX", round(ttl_seconds * 1000)))

        async def ask(wire: Wire) -> bool:
            return all(await wire.pipeline(commands))

        stored: bool = await self.ask_or(False, ask)
        self.told(Gone(keys=[*values]))
        return stored

    async def delete(self, *keys: str) -> bool:
        """Whether a node took the command; another name of `invalidate` for keys alone."""
        return await self.invalidate(keys=keys)

    async def invalidate(
        self, *, keys: Sequence[str] = (), tags: Sequence[str] = (), kinds: Iterable[str] = ()
    ) -> bool:
        """Drop keys, what bears one of the tags, and whole kinds; here, in the servers, in every process.

        What is being loaded meanwhile is not stored. False when the servers could not be told: others then
        keep what they have for its `local` time, and the servers for its time to live.
        """
        return await self._invalidation.drop(keys, tags, [*kinds])

    # --------------------------------------------------------------------------- what loading builds on

    def recall(self, key: str) -> Entry | None:
        """The process's own entry, while it is fresh."""
        entry = self.local.get(key, self.now()) if self.local is not None else None
        if entry is not None:
            self.counts.add(key, Outcome.LOCAL)
        return entry

    def remember(
        self, key: str, entry: Entry, kind: Kind | None, epoch: int, most: float | None = None
    ) -> None:
        """Keep the entry in the process for its kind's `local` time, if it was not dropped since `epoch`."""
        if self.local is None:
            return
        longest = kind.local if kind else UNTOLD
        if not self.listening:
            longest = min(longest, UNTOLD)
        now = self.now()
        until = now + most if most is not None else min(now + longest, entry.fresh_until)
        self.local.put(key, entry, until, epoch=epoch)

    async def fetch(self, key: str, marks: Sequence[str]) -> tuple[bytes | None, list[bytes] | None]:
        """What the servers hold, with the marks' values for `store`; no marks when no server answers."""
        names = [key, *(scripts.MARK + mark for mark in marks)]
        found: list[bytes | None] = await self.ask_or(
            [], lambda wire: wire.call("MGET", *names), writing=False
        )
        if not found:
            return None, None
        raw, *seen = found
        return raw, [value or b"" for value in seen]

    async def store(
        self,
        key: str,
        entry: Entry,
        seconds: float,
        *,
        tags: Sequence[str] = (),
        marks: Mapping[str, bytes] | None = None,
        over: bool = False,
    ) -> bool:
        """Whether the servers took the entry, for so long; they do not when one of the marks has changed.

        `over`: what was loaded meanwhile is not stored over it.
        """
        raw, milliseconds = entry.pack(), max(1, round(seconds * 1000))
        pairs = [part for name, seen in (marks or {}).items() for part in (scripts.MARK + name, seen)]
        names = [key, *(scripts.TAG + tag for tag in tags)]
        arguments = [raw, milliseconds, len(pairs) // 2, *pairs]
        if over:
            arguments += [f"{scripts.MARK}key:{key}", uuid.uuid4().hex, scripts.MARK_TTL]

        async def ask(wire: Wire) -> Any:
            return await scripts.STORE.run(wire, names, arguments)

        return bool(await self.ask_or(0, ask))

    def unreadable(self, key: str, error: UnreadableError) -> None:
        logger().warning("cache_value_unreadable", cache=self.name, key=key, error=str(error))

    # ------------------------------------------------------------------------------------------ inside

    async def ask_or(
        self, otherwise: Value, ask: Callable[[Wire], Awaitable[Any]], *, writing: bool = True
    ) -> Any:
        try:
            return await (self._nodes.write_value(ask) if writing else self._nodes.read_value(ask))
        except CacheUnavailableError:
            return otherwise

    def _fresh(self, key: str, raw: bytes | None) -> Entry | None:
        if raw is None:
            return None
        try:
            entry = Entry.unpack(raw)
        except UnreadableError as error:
            self.unreadable(key, error)
            return None
        return None if entry.absent or entry.fresh_until <= self.now() else entry

    def _value(self, key: str, entry: Entry, wanted: Any) -> Any | None:
        if entry.absent:
            return None
        try:
            return decode(entry, wanted)
        except UnreadableError as error:
            self.unreadable(key, error)
            return None

    def told(self, gone: Gone) -> None:
        """Drop what this process keeps of it."""
        prefixes = tuple(f"{kind}:" for kind in gone.kinds)
        self._flights.forget(gone.keys)
        if prefixes:
            self._flights.forget_where(lambda key: key.startswith(prefixes))
        if self.local is None:
            return
        self.local.drop(gone.keys)
        if prefixes:
            self.local.drop_where(lambda key: key.startswith(prefixes))

    def deaf(self) -> None:
        """Something may have been missed: what is kept serves only where its source fails."""
        if self.local is not None:
            self.local.doubt()
