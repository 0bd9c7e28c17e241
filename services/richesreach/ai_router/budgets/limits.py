"""The limits that hold for a caller, known in the process: no request waits for the database twice."""

import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from richesreach.ai_router.budgets.model import LOW_SHARE, Budget, Period, Scope
from richesreach.ai_router.budgets.plan import Plan, digest
from richesreach.ai_router.budgets.store import BudgetStore
from richesreach.ai_router.model import Caller
from richesreach.core.cache import Cache, Kind

# Seconds for which a process goes by what it knows before it asks the cache, or the database, again.
KNOWN = 2.0
MAX_CALLERS = 20_000
# Limits change rarely, and an old one is better than none: they serve for a day while the database is away.
LIMITS = Kind("ai-budgets", ttl=10, shortest=10, longest=10, stale=86_400, local=KNOWN)


class Limits:
    """`default` is the limit by month of an organisation that has no budget of its own; 0 is none."""

    def __init__(
        self,
        store: BudgetStore,
        cache: Cache,
        *,
        default: int = 0,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.default = default
        self._cache = cache
        self._now, self._clock = now, clock
        self._plans: OrderedDict[Caller, tuple[Plan, float]] = OrderedDict()

    def known(self, caller: Caller) -> Plan | None:
        """What this process knows, however old."""
        found = self._plans.get(caller)
        return found[0] if found is not None else None

    async def plan(self, caller: Caller) -> Plan:
        """The accounts of the caller now. Raises DatabaseUnavailableError where nobody ever knew them."""
        found = self._plans.get(caller)
        now = self._now()
        if found is not None and self._clock() < found[1] and now < found[0].until:
            return found[0]
        budgets = await self.budgets(caller.org)
        above = set(Scope.above(caller))
        plan = Plan.of(caller.org, [budget for budget in budgets if budget.scope in above], now)
        self._plans[caller] = (plan, self._clock() + KNOWN)
        self._plans.move_to_end(caller)
        while len(self._plans) > MAX_CALLERS:
            self._plans.popitem(last=False)
        return plan

    async def budgets(self, org: str) -> list[Budget]:
        """All budgets of the organisation, widest first. Raises DatabaseUnavailableError."""
        rows = await self._cache.get_or_load(
            _key(org), lambda: self._load(org), kind=LIMITS, wanted=list[_Row]
        )
        budgets = [row.budget(org) for row in rows or ()]
        if self.default and not any(budget.scope.team is None for budget in budgets):
            budgets.insert(0, Budget(Scope(org), self.default))
        return budgets

    async def forget(self, org: str) -> None:
        """A budget of the organisation has changed: known here at once, elsewhere within 15 s."""
        for caller in [caller for caller in self._plans if caller.org == org]:
            del self._plans[caller]
        await self._cache.invalidate(keys=[_key(org)])

    async def _load(self, org: str) -> "list[_Row]":
        return [_Row.of(budget) for budget in await self.store.of(org)]


class _Row(msgspec.Struct, frozen=True, array_like=True):
    team: str | None
    key: str | None
    period: Period
    limit: int
    low_share: float = LOW_SHARE

    @classmethod
    def of(cls, budget: Budget) -> "_Row":
        return cls(budget.scope.team, budget.scope.key, budget.period, budget.limit, budget.low_share)

    def budget(self, org: str) -> Budget:
        return Budget(Scope(org, self.team, self.key), self.limit, self.period, self.low_share)


def _key(org: str) -> str:
    return f"{LIMITS.name}:{digest(org)}"
