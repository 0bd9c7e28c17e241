"""How fast a vendor may be asked, and how long to wait after it failed."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from richesreach.core.limits.gcra import MICROSECONDS, Tier, decide

Sleep = Callable[[float], Awaitable[None]]


class Pace:
    """One source's requests, at the rate of its `tier`: whoever is too early waits for its turn."""

    def __init__(
        self, tier: Tier, *, now: Callable[[], float] = time.monotonic, sleep: Sleep = asyncio.sleep
    ) -> None:
        self.tier = tier
        self.waited = 0
        self._now = now
        self._sleep = sleep
        self._arrival = 0

    async def turn(self) -> None:
        """Return when the next request may go out."""
        while True:
            decision, arrival = decide(self.tier, self._arrival, round(self._now() * MICROSECONDS))
            self._arrival = arrival
            if decision.admitted:
                return
            self.waited += 1
            await self._sleep((decision.retry_after or 1) / MICROSECONDS)


class Backoff:
    """Seconds to wait before the next connection: twice as long each time, with jitter, so that the tasks of
    all regions do not come back in the same instant.
    """

    def __init__(
        self, *, first: float = 0.5, longest: float = 60.0, chance: Callable[[], float] = random.random
    ) -> None:
        self._first = first
        self._longest = longest
        self._chance = chance
        self._failures = 0

    def next(self, least: float = 0.0) -> float:
        """At least `least`, which the vendor may have asked for."""
        longest = min(self._longest, self._first * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return max(least, longest * (0.5 + self._chance() / 2))

    def reset(self) -> None:
        self._failures = 0
