"""Many timers at the price of one.

A timer of the loop is set and taken back with every request, though hardly any ever rings. Those that wait
equally long ring in the order in which they began, so that one timer of the loop, for the oldest, is enough.
"""

import asyncio
from collections.abc import Callable

# Lengths of time that have a queue of their own: those that came twice running.
MOST_QUEUES = 16


class Timer:
    """Calls `ring` at `until`, by the loop's clock, unless it is stopped before."""

    __slots__ = ("_alone", "_among", "ring", "until")

    def __init__(self, ring: Callable[[], None], until: float) -> None:
        self.ring = ring
        self.until = until
        self._alone: asyncio.TimerHandle | None = None
        self._among: dict[Timer, None] | None = None

    def stop(self) -> None:
        if self._among is not None:
            self._among.pop(self, None)
        elif self._alone is not None:
            self._alone.cancel()

    def wait_alone(self, loop: asyncio.AbstractEventLoop) -> None:
        self._alone = loop.call_at(self.until, self.ring)

    def wait_among(self, others: "dict[Timer, None]") -> None:
        others[self] = None
        self._among = others


class Timers:
    """Timers of one loop at a time: those of a loop before, a test's, are forgotten with it."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queues: dict[float, _Queue] = {}
        self._before = 0.0

    def after(self, seconds: float, ring: Callable[[], None]) -> Timer:
        """A timer that rings in so many seconds."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._queues = loop, {}
        timer = Timer(ring, loop.time() + seconds)
        queue = self._queues.get(seconds)
        if queue is None and seconds == self._before and len(self._queues) < MOST_QUEUES:
            queue = self._queues[seconds] = _Queue(loop)
        self._before = seconds
        if queue is None:
            timer.wait_alone(loop)
        else:
            queue.add(timer)
        return timer


class _Queue:
    """Timers of one length, oldest first."""

    __slots__ = ("_loop", "_set", "_timers")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timers: dict[Timer, None] = {}
        self._set = False

    def add(self, timer: Timer) -> None:
        timer.wait_among(self._timers)
        if not self._set:
            self._set = True
            self._loop.call_at(timer.until, self._oldest)

    def _oldest(self) -> None:
        """Ring those whose time is over, then wait for the one that is the oldest now."""
        self._set = False
        while self._timers:
            timer = next(iter(self._timers))
            if timer.until > self._loop.time():
                self._set = True
                self._loop.call_at(timer.until, self._oldest)
                return
            del self._timers[timer]
            timer.ring()
