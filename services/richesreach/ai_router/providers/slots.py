"""How many requests may be under way at a time."""

import asyncio
from collections import deque


class Slots:
    """As a semaphore, whose free slot is taken without a coroutine; who finds none waits in line."""

    __slots__ = ("_free", "_waiting")

    def __init__(self, number: int) -> None:
        self._free = number
        self._waiting: deque[asyncio.Future[None]] = deque()

    def at_once(self) -> bool:
        """Whether there was a free slot, which is taken."""
        if self._free <= 0:
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """Until a slot is given up by another. Whoever is cancelled has none."""
        given = asyncio.get_running_loop().create_future()
        self._waiting.append(given)
        try:
            await given
        except BaseException:
            if given.done() and not given.cancelled():
                self.leave()
            elif given in self._waiting:  # else it was passed over just now
                self._waiting.remove(given)
            raise

    def leave(self) -> None:
        """Give the slot up, to the first in line."""
        while self._waiting:
            given = self._waiting.popleft()
            if not given.done():
                given.set_result(None)
                return
        self._free += 1
