"""Invalidation by key, tag and kind: in the servers in one step, then in every process."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from richesreach.core.cache import scripts
from richesreach.core.cache.broadcast import Gone
from richesreach.core.cache.nodes import CacheUnavailableError, Nodes
from richesreach.core.cache.wire import Wire

# Keys in one step of clearing a kind.
_BATCH = 500


class Invalidation:
    """`told` drops from the process's own memory; `now` gives Unix seconds."""

    def __init__(self, nodes: Nodes, told: Callable[[Gone], None], now: Callable[[], float]) -> None:
        self._nodes = nodes
        self._told = told
        self._now = now

    async def drop(self, keys: Sequence[str], tags: Sequence[str], kinds: list[str]) -> bool:
        """Whether the servers, and through them the other processes, were told."""
        self._told(Gone(keys=[*keys], kinds=kinds))
        try:
            for kind in kinds:
                await self._kind(kind)
            gone = await self._named(keys, tags, kinds)
        except CacheUnavailableError:
            return False
        self._told(Gone(keys=gone, kinds=kinds))
        return True

    async def _named(self, keys: Sequence[str], tags: Sequence[str], kinds: list[str]) -> list[str]:
        """All keys that are gone, once the servers have told everybody of them and of the kinds."""
        if not keys and not tags and not kinds:
            return []
        names = [*keys, *(scripts.TAG + tag for tag in tags)]
        marked = [("key", keys), ("tag", tags), ("kind", kinds)]
        marks = [f"{scripts.MARK}{what}:{name}" for what, those in marked for name in those]
        told: list[Any] = [scripts.CHANNEL, msgspec.json.encode(kinds)]
        arguments = [len(keys), self._mark(), scripts.MARK_TTL, *told, *marks]
        gone: list[bytes] = await self._nodes.write_value(
            lambda wire: scripts.INVALIDATE.run(wire, names, arguments)
        )
        return [name.decode() for name in gone]

    def _mark(self) -> str:
        """No two are alike, and each says when it was made."""
        return f"{uuid.uuid4().hex}@{self._now():.3f}"

    async def _kind(self, name: str) -> None:
        async def ask(wire: Wire) -> None:
            await wire.call("SET", f"{scripts.MARK}kind:{name}", self._mark(), "PX", scripts.MARK_TTL)
            cursor = b"0"
            while True:
                cursor, batch = await wire.call("SCAN", cursor, "MATCH", f"{name}:*", "COUNT", _BATCH)
                if batch:
                    await wire.call("UNLINK", *batch)
                if cursor == b"0":
                    return

        await self._nodes.write_value(ask)


def invalidated_at(mark: bytes) -> float:
    """Unix seconds; 0 for no mark, or that of a value that was set."""
    _, _, at = mark.partition(b"@")
    return float(at) if at else 0.0
