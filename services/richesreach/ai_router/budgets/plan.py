"""Which accounts a caller's requests are booked in: one for each budget above it and the current period."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from richesreach.ai_router.budgets.model import Budget, Period, Scope, Standing

# Seconds after its period for which an account is kept: for reservations that outlive the period, and looks.
KEPT = 172_800


def digest(text: str) -> str:
    """What stands in keys for a name: no two names make the same key, whatever is in them."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def key_of(scope: Scope, period: Period, began: datetime | None) -> str:
    """The account's key. Its hash tag is the organisation's, so that all of them are in one slot."""
    start = began.strftime("%Y%m%d") if began else "0"
    of = digest("\x00".join(part or "" for part in (scope.org, scope.team, scope.key)))
    return f"ai:budget:{{{digest(scope.org)}}}:{period}:{start}:{of}"


@dataclass(frozen=True, slots=True)
class Account:
    """One budget in one period. `until` is in Unix seconds, None where the period never ends."""

    key: str
    budget: Budget
    began: datetime | None
    resets: datetime | None

    @property
    def until(self) -> float | None:
        return self.resets.timestamp() if self.resets else None

    @classmethod
    def of(cls, budget: Budget, now: float) -> Self:
        moment = datetime.fromtimestamp(now, UTC)
        began = budget.period.began(moment)
        return cls(key_of(budget.scope, budget.period, began), budget, began, budget.period.ends(moment))


@dataclass(frozen=True, slots=True)
class Plan:
    """The accounts of one caller, widest first; none where nothing limits it. Good until `until`."""

    org: str
    accounts: tuple[Account, ...]
    keys: tuple[str, ...]
    until: float

    @classmethod
    def of(cls, org: str, budgets: Iterable[Budget], now: float) -> Self:
        accounts = tuple(Account.of(budget, now) for budget in budgets)
        until = min(
            (account.until for account in accounts if account.until is not None), default=float("inf")
        )
        return cls(digest(org), accounts, tuple(account.key for account in accounts), until)


def standing(accounts: Iterable[Account], sums: Iterable[tuple[int, int]]) -> Standing:
    """What is left below the tightest of the limits. `sums` are settled and reserved of each account."""
    left: int | None = None
    low = False
    for account, (settled, reserved) in zip(accounts, sums, strict=True):
        here = account.budget.limit - settled - reserved
        left = here if left is None else min(left, here)
        low = low or here < account.budget.limit * account.budget.low_share
    return Standing(None if left is None else max(0, left), low)
