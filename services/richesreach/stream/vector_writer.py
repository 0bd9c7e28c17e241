"""Writes packed vectors to the region's cache: one command for all that a take has changed."""

import asyncio
from collections.abc import Callable, Sequence

from richesreach.core.cache import CacheUnavailableError, Nodes
from richesreach.core.cache.wire import Wire

# Takes whose vectors are under way at a time; whoever would begin another waits.
UNDER_WAY = 8
# Vectors of one MSET: a cache does nothing else meanwhile.
AT_ONCE = 2048


class VectorWriter:
    """Commands of one process go over one connection, so that an older vector never comes after a newer."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._places = asyncio.Semaphore(UNDER_WAY)
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(
        self, keys: Sequence[str], vectors: Sequence[bytes], written: Callable[[bool], None]
    ) -> None:
        """Send them, and tell `written` later whether the cache has them; waits where too many are unsaid."""
        await self._places.acquire()
        task = asyncio.create_task(self._write(keys, vectors, written), name="vectors")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Until nothing is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _write(
        self, keys: Sequence[str], vectors: Sequence[bytes], written: Callable[[bool], None]
    ) -> None:
        commands = []
        for start in range(0, len(keys), AT_ONCE):
            words: list[str | bytes] = ["MSET"]
            for pair in zip(keys[start : start + AT_ONCE], vectors[start : start + AT_ONCE], strict=True):
                words += pair
            commands.append(tuple(words))

        async def send(wire: Wire) -> None:
            await wire.pipeline(commands)

        try:
            await self._nodes.write_value(send)
        except CacheUnavailableError:
            written(False)
        else:
            written(True)
        finally:
            self._places.release()
