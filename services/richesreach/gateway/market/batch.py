"""Many questions for one thing each, asked of the source together."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

# Seconds to wait for more: what misses the cache together comes back from it within about that.
WINDOW = 0.001
LARGEST = 100


class Batch(Generic[Key, Value]):
    """`one(key)` of all callers becomes one `load` of at most `LARGEST` keys."""

    def __init__(self, load: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Value]]]) -> None:
        self._load = load
        self._waiting: dict[Key, asyncio.Future[Value | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def one(self, key: Key) -> Value | None:
        """None when the source has none. Raises what the source raises."""
        future = self._waiting.get(key)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            self._waiting[key] = future
            if self._task is None:
                self._task = asyncio.create_task(self._run(), name="batch")
        # A caller that gives up must not take the answer from the others.
        return await asyncio.shield(future)

    async def _run(self) -> None:
        await asyncio.sleep(WINDOW)
        waiting, self._waiting, self._task = self._waiting, {}, None
        keys = [*waiting]
        for start in range(0, len(keys), LARGEST):
            some = keys[start : start + LARGEST]
            try:
                found = await self._load(some)
            except Exception as error:
                for key in some:
                    waiting[key].set_exception(error)
            else:
                for key in some:
                    waiting[key].set_result(found.get(key))
