"""Single flight: callers that want the same thing at the same time share one answer."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

from richesreach.core import freshness
from richesreach.core.resilience import deadline

Result = TypeVar("Result")


class Flights(Generic[Result]):
    """Work by key. It runs in a task of its own: a caller that gives up takes it from none of the others.

    The task keeps the ids of who asked first, for logs and traces, but not how long that one waits.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[Result]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    async def join(self, key: str, work: Callable[[], Awaitable[Result]]) -> Result:
        """The result, or the error, of the work in flight under this key, or of `work` when there is none."""
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.create_task(_shared(work))
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(task)

    def forget(self, keys: Iterable[str]) -> None:
        """Let later callers start anew; who waits already gets what was begun."""
        for key in keys:
            self._tasks.pop(key, None)

    def forget_where(self, matches: Callable[[str], bool]) -> None:
        self.forget([key for key in self._tasks if matches(key)])

    def _landed(self, key: str, task: asyncio.Task[Result]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        if not task.cancelled():
            task.exception()  # seen, even where every caller has gone


async def _shared(work: Callable[[], Awaitable[Result]]) -> Result:
    with deadline.anew(deadline.LONGEST), freshness.apart():
        return await work()
