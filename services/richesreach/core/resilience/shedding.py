"""Load shedding: a process that is behind refuses some requests at once, rather than all of them late.

How far it is behind is how late the event loop wakes a sleeper: everything that keeps it busy shows there.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable

# Seconds.
INTERVAL = 0.05
# Lateness at which shedding begins, and at which all is refused. The gateway's objective is 0.3 s for 99 %.
BEGIN, ALL = 0.25, 1.0
# With so few requests under way it is something else that keeps the machine busy, and refusing helps nobody.
FEW = 32
# How much the newest measurement counts.
WEIGHT = 0.2


class LoopLag:
    """Measures, smoothed, how late the loop is."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = 0.0
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._task = asyncio.create_task(self._measure(), name="loop-lag")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def note(self, late: float) -> None:
        self.seconds += WEIGHT * (max(0.0, late) - self.seconds)

    @property
    def share(self) -> float:
        """Of the requests, to refuse now: 0 up to `BEGIN`, 1 from `ALL` on."""
        return min(1.0, max(0.0, (self.seconds - BEGIN) / (ALL - BEGIN)))

    async def _measure(self) -> None:
        while True:
            before = self._clock()
            await asyncio.sleep(INTERVAL)
            self.note(self._clock() - before - INTERVAL)


class Shedding:
    """Refuses, of many requests, a share that grows with the lag. `active` are those under way."""

    def __init__(self, lag: LoopLag, shed: Counter[str], chance: Callable[[], float] = random.random) -> None:
        self.active = 0
        self._lag = lag
        self._shed = shed
        self._chance = chance

    def refuses(self) -> bool:
        """Whether the request that came last is one too many; it is then counted."""
        if self.active <= FEW or self._chance() >= self._lag.share:
            return False
        self._shed["lag"] += 1
        return True
