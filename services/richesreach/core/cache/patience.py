"""How long an answer may take, counted in the time in which this process could have heard it.

A process that is held up, by a collection of garbage or by its neighbours on the machine, finds its timers
run out and the answers lying there unread. By the clock alone it would take every server that it had asked
for dead. Time is therefore counted in steps of a running event loop: a stall is one step, however long.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# Steps in which one's patience is counted.
STEPS = 10


class Running:
    """Seconds in which the loop ran, as far as `moved` was called at every step."""

    __slots__ = ("_last", "_loop", "seconds", "step")

    def __init__(self, loop: asyncio.AbstractEventLoop, patience: float) -> None:
        self._loop = loop
        self._last = loop.time()
        self.step = patience / STEPS
        self.seconds = 0.0

    def resumed(self) -> None:
        """Nobody counted since the last step."""
        self._last = self._loop.time()

    def moved(self) -> float:
        now = self._loop.time()
        self.seconds += min(now - self._last, self.step)
        self._last = now
        return self.seconds


@asynccontextmanager
async def patient(seconds: float) -> AsyncIterator[None]:
    """As `asyncio.timeout`, of the time in which the loop ran. Raises TimeoutError."""
    loop = asyncio.get_running_loop()
    running = Running(loop, seconds)
    timer: asyncio.TimerHandle

    def look() -> None:
        nonlocal timer
        if running.moved() >= seconds:
            limit.reschedule(loop.time())
        else:
            timer = loop.call_later(running.step, look)

    async with asyncio.timeout(None) as limit:
        timer = loop.call_later(running.step, look)
        try:
            yield
        finally:
            timer.cancel()
