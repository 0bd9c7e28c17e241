"""The generic cell rate algorithm (ITU-T I.371): one number a caller says how much of its allowance is used.

That number is the theoretical arrival time: when the caller's requests so far would all have been paid for at
the sustained rate. It may lie ahead of now by as much as the burst costs. All times in whole microseconds, so
that the server's script, whose numbers are doubles, computes the same.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

import msgspec

MICROSECONDS = 1_000_000
# One of so many requests of the burst, in each process; a burst that is smaller has none.
SHARE = 20
# The caller of longest ago is forgotten beyond that; at about 200 bytes each.
MAX_CALLERS = 50_000
# Microseconds for which a process believes what it was told of a caller.
BELIEVED = 5 * MICROSECONDS


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
    # Requests that one process may have admitted before the shared count knows of them.
    share: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        interval = -(-self.seconds * MICROSECONDS // self.quota)
        object.__setattr__(self, "interval", interval)
        object.__setattr__(self, "tolerance", interval * self.burst)
        object.__setattr__(self, "share", self.burst // SHARE)


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


class Account:
    """What a process knows of one caller: the theoretical arrival time after all that it admitted itself and
    all that it was told, when it was told last, and what it admitted that the shared count does not know of.

    `owed` is still to be sent there, `sent` is on its way; so many questions are `asked`. Times in
    microseconds.
    """

    __slots__ = ("arrival", "asked", "owed", "sent", "told")

    def __init__(self) -> None:
        self.arrival = 0
        self.told = 0
        self.asked = 0
        self.owed = 0
        self.sent = 0

    def spend(self, tier: Tier, now: int, cost: int) -> Decision | None:
        """Admit before asking, and owe the cost; None where the shared count is to be asked.

        Only while more than half of the burst is left, so that nobody is refused without being asked about,
        and not beside a question, whose answer may count on the same.
        """
        after = max(self.arrival, now) + cost * tier.interval
        ahead = after - now
        if (
            self.asked
            or 2 * ahead > tier.tolerance
            or self.owed + self.sent + cost > tier.share
            or not 0 <= now - self.told <= BELIEVED
        ):
            return None
        self.arrival = after
        self.owed += cost
        return Decision(tier, True, (tier.tolerance - ahead) // tier.interval, ahead, 0)

    def send(self) -> int:
        """What was owed is on its way."""
        cost, self.owed = self.owed, 0
        self.sent += cost
        return cost

    def learn(self, tier: Tier, reset: int, now: int, sent: int = 0) -> None:
        """What the shared count says, which knows of so much more now; the rest it does not know of yet."""
        self.sent -= sent
        self.arrival = now + reset + (self.owed + self.sent) * tier.interval
        self.told = now

    def lose(self, sent: int) -> None:
        """So much did not arrive: nothing is known for sure."""
        self.sent -= sent
        self.told = 0


class LocalLimits:
    """The allowances that this process knows of."""

    def __init__(self, *, max_callers: int = MAX_CALLERS) -> None:
        self._accounts: OrderedDict[str, Account] = OrderedDict()
        self._max = max_callers

    def __len__(self) -> int:
        return len(self._accounts)

    def check(self, caller: str, tier: Tier, now: int, cost: int = 1) -> Decision:
        account = self.account(caller)
        decision, account.arrival = decide(tier, account.arrival, now, cost)
        return decision

    def account(self, caller: str) -> Account:
        account = self._accounts.get(caller)
        if account is None:
            account = self._accounts[caller] = Account()
            if len(self._accounts) > self._max:
                self._accounts.popitem(last=False)
        else:
            self._accounts.move_to_end(caller)
        return account
