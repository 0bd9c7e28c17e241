"""A vendor's clock that runs ahead of ours: by how much, and which ticks that makes impossible.

A tick cannot be received before it happened. The least of `received - happened` over the last minutes is the
way's shortest time plus the difference of the clocks. Where it is below zero, the vendor's clock is ahead by
at least as much, and its times are put back by it: one event from the future would move a watermark, and
all that is true would be late. Above zero, way and clocks cannot be told apart, and nothing is changed.
"""

from dataclasses import dataclass

SECOND = 1_000_000_000
# Nanoseconds. Nobody's clock is further ahead; a tick that says so is wrong by itself. With the ways of two
# sources it has to stay within what the stream waits for late ticks: each tick is put back by the lead.
MOST_LEAD = SECOND
# How long the largest lead counts, at least; at most twice as long.
WINDOW = 300 * SECOND


class FutureError(ValueError):
    """A time so far ahead that it is no matter of clocks."""


@dataclass(slots=True)
class Skew:
    """The lead of one source's clock over ours, in nanoseconds; never below 0."""

    lead: int = 0
    _now: int = 0
    _before: int = 0
    _began: int = 0

    def turn(self, now: int) -> None:
        """Forget what is older than the window; to be called now and then, with our time."""
        if now - self._began > WINDOW:
            self._before = self._now if now - self._began <= 2 * WINDOW else 0
            self._now, self._began = 0, now
            self.lead = self._before

    def corrected(self, happened: int, received: int) -> int:
        """`happened` by our clock, never after `received`. Raises FutureError."""
        ahead = happened - received
        if ahead > MOST_LEAD:
            raise FutureError(f"happened {ahead / SECOND:.3f} s after it was received")
        if ahead > self._now:
            self._now = ahead
            self.lead = max(ahead, self._before)
        return happened - self.lead
