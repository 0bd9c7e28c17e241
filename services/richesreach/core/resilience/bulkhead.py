"""A bulkhead: one slow dependency may hold only so many of the service's requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from richesreach.core.resilience.deadline import allowed
from richesreach.core.resilience.errors import BulkheadFullError


class Bulkhead:
    """`size` calls at a time; `queue` more wait for `patience` seconds at most, first come first served."""

    def __init__(self, name: str, *, size: int, queue: int = 0, patience: float = 1.0) -> None:
        self.name = name
        self.size = size
        self.active = 0
        self.refused = 0
        self._queue = queue
        self._patience = patience
        self._free = asyncio.Semaphore(size)
        self._waiting = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold one of the places. Raises BulkheadFullError, or DeadlineExceededError."""
        if self._free.locked() and self._waiting >= self._queue:
            self._refuse("no place is free")
        self._waiting += 1
        try:
            async with asyncio.timeout(allowed(self._patience)):
                await self._free.acquire()
        except TimeoutError:
            self._refuse("no place became free in time")
        finally:
            self._waiting -= 1
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1
            self._free.release()

    def _refuse(self, why: str) -> None:
        self.refused += 1
        raise BulkheadFullError(f"{self.name}: {self.active} of {self.size} calls are under way, {why}")
