"""Leaving without a request lost: who still sends requests is told to send the next ones elsewhere.

ECS takes a task out of its target group and waits the deregistration delay (30 s) before SIGTERM; a task of
Fargate Spot is asked to stop at the same moment. So for a few seconds after SIGTERM the task serves on, says
on each answer that the connection closes, and fails its health check; then it stops listening and finishes
what it has.
"""

import time
from collections.abc import Callable

# Seconds without a new request after which nobody seems to send any more.
QUIET = 1.0
# The load balancer and the other services learn only after a moment that the task is leaving: a pause before
# that says nothing.
SHORTEST = 3.0


class Drain:
    """Whether the service is leaving, and since when nobody has asked it anything but for its health."""

    def __init__(self, *, longest: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.longest = longest
        self._clock = clock
        self._since: float | None = None
        self._asked = 0.0

    @property
    def draining(self) -> bool:
        return self._since is not None

    def begin(self) -> None:
        if self._since is None:
            self._since = self._asked = self._clock()

    def asked(self) -> None:
        self._asked = self._clock()

    @property
    def over(self) -> bool:
        """Whether to stop listening: nobody asks any more after `SHORTEST`, or `longest` is over."""
        if self._since is None:
            return False
        now = self._clock()
        gone = now - self._since
        return gone >= self.longest or (gone >= SHORTEST and now - self._asked >= QUIET)
