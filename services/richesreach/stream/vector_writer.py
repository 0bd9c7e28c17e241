"""Writes packed vectors to the region's cache: one command for all that a take has changed."""

import asyncio
from collections.abc import Callable, Sequence

from richesreach.core.cache import CacheUnavailableError, Nodes
from richesreach.core.cache.wire import Wire
from richesreach.core.layout import SHAPE

# Takes whose vectors are under way at a time; whoever would begin another waits.
UNDER_WAY = 8
# Vectors of one MSET: a cache does nothing else meanwhile.
AT_ONCE = 2048


def place_of(symbol: str) -> bytes:
    """What stands in a command before the symbol's vector: its key, and how long a vector is.

    Made once a symbol: to pack both words of each vector anew costs more than to make the vector.
    """
    key = SHAPE.key(symbol).encode()
    return b"\r\n$%d\r\n%s\r\n$%d\r\n" % (len(key), key, SHAPE.size)


def packed(places: Sequence[bytes], vectors: Sequence[bytes]) -> bytes:
    """One MSET as the server reads it (RESP2)."""
    words = [b"*%d\r\n$4\r\nMSET" % (1 + 2 * len(vectors)), *[b""] * (2 * len(vectors)), b"\r\n"]
    words[1:-1:2], words[2:-1:2] = places, vectors
    return b"".join(words)


class VectorWriter:
    """Commands of one process go over one connection, so that an older vector never comes after a newer."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._turns = asyncio.Semaphore(UNDER_WAY)
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(
        self, places: Sequence[bytes], vectors: Sequence[bytes], written: Callable[[bool], None]
    ) -> None:
        """Send them, each to its `place_of`, and tell `written` later whether the cache has them.

        Waits where too many are unsaid.
        """
        await self._turns.acquire()
        task = asyncio.create_task(self._write(places, vectors, written), name="vectors")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Until nothing is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _write(
        self, places: Sequence[bytes], vectors: Sequence[bytes], written: Callable[[bool], None]
    ) -> None:
        commands = [
            packed(places[start : start + AT_ONCE], vectors[start : start + AT_ONCE])
            for start in range(0, len(vectors), AT_ONCE)
        ]

        async def send(wire: Wire) -> None:
            await asyncio.gather(*map(wire.ask, commands))

        try:
            await self._nodes.write_value(send)
        except CacheUnavailableError:
            written(False)
        else:
            written(True)
        finally:
            self._turns.release()
