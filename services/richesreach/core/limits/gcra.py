"""The generic cell rate algorithm (ITU-T I.371): one number a caller says how much of its allowance is used.

That number is the theoretical arrival time: when the caller's requests so far would all have been paid for at
the sustained rate. It may lie ahead of now by as much as the burst costs. All times in whole microseconds, so
that the server's script, whose numbers are doubles, computes the same.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

import msgspec

MICROSECONDS = 1_000_000
# The caller of longest ago is forgotten beyond that; at about 200 bytes each.
MAX_CALLERS = 50_000


@dataclass(frozen=True, slots=True)
class Tier:
    """`quota` requests per `seconds` in the long run, and up to `burst` at once."""

    name: str
    quota: int
    seconds: int
    burst: int
    # Microseconds that one request costs; rounded up: the rate is never more than the quota's.
    interval: int = field(init=False, compare=False)
    # Microseconds by which a caller may be ahead.
    tolerance: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        interval = -(-self.seconds * MICROSECONDS // self.quota)
        object.__setattr__(self, "interval", interval)
        object.__setattr__(self, "tolerance", interval * self.burst)


class Decision(msgspec.Struct, frozen=True):
    """`remaining` requests are possible at once; `reset` and `retry_after` are in microseconds from now.

    At `reset` the whole burst is there again. After `retry_after` the same request would be admitted; 0 when
    it was, None when it costs more than the burst and never will be.
    """

    tier: Tier
    admitted: bool
    remaining: int
    reset: int
    retry_after: int | None


def decide(tier: Tier, arrival: int, now: int, cost: int = 1) -> tuple[Decision, int]:
    """The decision, and the theoretical arrival time after it; `arrival` is the one before, 0 for a new
    caller.
    """
    before = max(arrival, now)
    after = before + cost * tier.interval
    early = after - now - tier.tolerance
    admitted = early <= 0
    arrival = after if admitted else before
    remaining = max(0, tier.tolerance - (arrival - now)) // tier.interval
    possible: int | None = max(0, early) if cost <= tier.burst else None
    return Decision(tier, admitted, remaining, arrival - now, possible), arrival


class LocalLimits:
    """The allowances that this process knows of."""

    def __init__(self, *, max_callers: int = MAX_CALLERS) -> None:
        self._arrivals: OrderedDict[str, int] = OrderedDict()
        self._max = max_callers

    def __len__(self) -> int:
        return len(self._arrivals)

    def check(self, caller: str, tier: Tier, now: int, cost: int = 1) -> Decision:
        decision, arrival = decide(tier, self._arrivals.get(caller, 0), now, cost)
        self._note(caller, arrival)
        return decision

    def learn(self, caller: str, reset: int, now: int) -> None:
        """What the shared count says: without it, this process goes on from there."""
        self._note(caller, now + reset)

    def _note(self, caller: str, arrival: int) -> None:
        self._arrivals[caller] = arrival
        self._arrivals.move_to_end(caller)
        while len(self._arrivals) > self._max:
            self._arrivals.popitem(last=False)
