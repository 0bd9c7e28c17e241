"""Many timers at the price of one.

A timer of the loop is set and taken back with every request, though hardly any ever rings. Those that wait
equally long ring in the order in which they began, so that one timer of the loop, for the oldest, is enough.
"""

import asyncio
from abc import ABC, abstractmethod

# Lengths of time that have a queue of their own: those that came twice running.
MOST_QUEUES = 16


class Timer(ABC):
    """Rings at `until`, by the loop's clock, unless it is stopped before."""

    __slots__ = ("_alone", "_among", "until")

    _alone: asyncio.TimerHandle | None
    _among: "dict[Timer, None] | None"
    until: float

    @abstractmethod
    def ring(self) -> None:
        """Do what it is for."""

    def stop(self) -> None:
        if self._among is not None:
            self._among.pop(self, None)
        elif self._alone is not None:
            self._alone.cancel()


class Timers:
    """Timers of one loop at a time: those of a loop before, a test's, are forgotten with it."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queues: dict[float, _Queue] = {}
        self._before = 0.0

    def begin(self, timer: Timer, seconds: float, loop: asyncio.AbstractEventLoop) -> None:
        """Let it ring in so many seconds of the loop that runs. Once a timer."""
        if self._loop is not loop:
            self._loop, self._queues = loop, {}
        until = timer.until = loop.time() + seconds
        queue = self._queues.get(seconds)
        if queue is None and seconds == self._before and len(self._queues) < MOST_QUEUES:
            queue = self._queues[seconds] = _Queue(loop)
        self._before = seconds
        if queue is None:
            timer._among, timer._alone = None, loop.call_at(until, timer.ring)
            return
        timer._among = timers = queue.timers
        timers[timer] = None
        if not queue.set:
            queue.wait_for(timer)


class _Queue:
    """Timers of one length, oldest first. `set`: one of the loop's waits for the oldest."""

    __slots__ = ("_loop", "set", "timers")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.timers: dict[Timer, None] = {}
        self.set = False

    def wait_for(self, timer: Timer) -> None:
        self.set = True
        self._loop.call_at(timer.until, self._oldest)

    def _oldest(self) -> None:
        """Ring those whose time is over, then wait for the one that is the oldest now."""
        self.set = False
        while self.timers:
            timer = next(iter(self.timers))
            if timer.until > self._loop.time():
                self.wait_for(timer)
                return
            del self.timers[timer]
            timer.ring()
