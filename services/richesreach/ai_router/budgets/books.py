"""The books of this process: what dispatching asks before a provider is called, and tells afterwards."""

import asyncio
import itertools
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Protocol

from richesreach.ai_router.budgets import offline
from richesreach.ai_router.budgets.central import HELD as CENTRE
from richesreach.ai_router.budgets.checkpoints import Checkpoints
from richesreach.ai_router.budgets.limits import Limits
from richesreach.ai_router.budgets.model import (
    UNLIMITED,
    BudgetExhaustedError,
    BudgetsUnavailableError,
    Reservation,
    Standing,
)
from richesreach.ai_router.budgets.offline import Offline
from richesreach.ai_router.budgets.plan import Plan
from richesreach.ai_router.model import Caller
from richesreach.ai_router.tracking.model import Served
from richesreach.core.cache.nodes import CacheUnavailableError
from richesreach.core.database import DatabaseUnavailableError
from richesreach.core.ending import end
from richesreach.core.logs import logger

# Seconds. A reservation outlives its request's deadline by so much: its settlement may be late.
SLACK = 30.0
INTERVAL = 1.0
MAX_STANDINGS = 20_000


class Funds(Protocol):
    """Where money is set aside: `Central`, or `Leases` of it. Raises CacheUnavailableError and
    DatabaseUnavailableError where that cannot be known.
    """

    async def reserve(
        self, plan: Plan, id_: str, microdollars: int, expires: float
    ) -> tuple[str, Standing]: ...

    async def settle(self, reservation: Reservation, cost: int, *, counted: bool) -> None: ...

    async def tick(self) -> None: ...

    async def close(self) -> None: ...


class Books:
    def __init__(
        self,
        limits: Limits,
        funds: Funds,
        checkpoints: Checkpoints,
        unasked: Offline,
        *,
        record: Callable[[Served], None] = lambda _served: None,
        slack: float = SLACK,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.limits = limits
        self.funds = funds
        # By what happened: reserved, settled, exhausted, unasked, unavailable, overrun.
        self.counts: Counter[str] = Counter()
        self._checkpoints = checkpoints
        self._offline = unasked
        self._record = record
        self._slack = slack
        self.now = now
        self._prefix = secrets.token_hex(8)
        self._numbers = itertools.count()
        self._open: dict[str, Reservation] = {}
        # What was to be settled and may not have arrived.
        self._unsettled: dict[str, tuple[Reservation, int]] = {}
        self._standings: OrderedDict[tuple[str, ...], Standing] = OrderedDict()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._task = asyncio.create_task(self._keep(), name="budgets")

    async def close(self) -> None:
        """Settle what can be settled."""
        await end(self._task)
        await self.tidy()
        await self.funds.close()
        await self._checkpoints.tell()

    def standing(self, caller: Caller) -> Standing:
        """What this process last knew to be left. No I/O."""
        plan = self.limits.known(caller)
        return UNLIMITED if plan is None else self._standings.get(plan.keys, UNLIMITED)

    async def reserve(self, caller: Caller, microdollars: int, deadline: float) -> Reservation:
        """Set `microdollars` aside until `deadline` (`time.monotonic`) and a little longer.

        Raises BudgetExhaustedError and BudgetsUnavailableError.
        """
        id_ = f"{self._prefix}-{next(self._numbers):x}"
        expires = self.now() + max(0.0, deadline - time.monotonic()) + self._slack
        try:
            plan = await self.limits.plan(caller)
        except DatabaseUnavailableError:
            return self._unasked(Plan.of(caller.org, (), self.now()), caller, id_, microdollars, expires)
        if not plan.accounts:
            return Reservation(id_, caller, microdollars, expires, UNLIMITED, "", plan)
        held, known = CENTRE, UNLIMITED
        try:
            held, known = await self.funds.reserve(plan, id_, microdollars, expires)
        except BudgetExhaustedError as error:
            self.counts["exhausted"] += 1
            self._remember(plan, Standing(error.left, low=True))
            raise
        except (CacheUnavailableError, DatabaseUnavailableError):
            return self._unasked(plan, caller, id_, microdollars, expires)
        except asyncio.CancelledError:
            # Whether it was set aside nobody knows: nothing of it is spent.
            lost = Reservation(id_, caller, microdollars, expires, UNLIMITED, CENTRE, plan)
            self._unsettled[id_] = (lost, 0)
            raise
        self.counts["reserved"] += 1
        self._remember(plan, known)
        return self._opened(Reservation(id_, caller, microdollars, expires, known, held, plan))

    async def settle(self, reservation: Reservation, microdollars: int) -> None:
        """What the request cost; the rest is free again. Never raises; once is enough, and twice is once."""
        if self._open.pop(reservation.id, None) is None:
            return
        cost = max(0, microdollars)
        self.counts["settled"] += 1
        if cost > reservation.microdollars:
            self.counts["overrun"] += 1
        if reservation.held == offline.HELD:
            self._offline.settle(reservation, cost)
            return
        # Stays there if the caller is cancelled: then it is told again, and counts once.
        self._unsettled[reservation.id] = (reservation, cost)
        await self._settle(reservation, cost, counted=True)

    def record(self, served: Served) -> None:
        """Note a request that has ended. Never blocks and never raises."""
        self._record(served)

    async def tidy(self) -> None:
        """Tell the books what they have not heard: settlements that failed, debts, leases that ran out."""
        for reservation, cost in [*self._unsettled.values()]:
            await self._settle(reservation, cost, counted=False)
        for reservation in self._offline.overdue():
            self._offline.settle(reservation, reservation.microdollars)
        await self._pay()
        await self.funds.tick()

    def _opened(self, reservation: Reservation) -> Reservation:
        self._open[reservation.id] = reservation
        return reservation

    def _unasked(
        self, plan: Plan, caller: Caller, id_: str, microdollars: int, expires: float
    ) -> Reservation:
        known = self._standings.get(plan.keys, UNLIMITED)
        reservation = Reservation(id_, caller, microdollars, expires, known, offline.HELD, plan)
        try:
            self._offline.reserve(plan, caller.org, id_, microdollars, expires)
        except BudgetsUnavailableError:
            self.counts["unavailable"] += 1
            if plan.accounts:
                self._unsettled[id_] = (reservation, 0)
            raise
        self.counts["unasked"] += 1
        self._offline.holds(reservation)
        return self._opened(reservation)

    async def _settle(self, reservation: Reservation, cost: int, *, counted: bool) -> None:
        try:
            await self.funds.settle(reservation, cost, counted=counted)
        except (CacheUnavailableError, DatabaseUnavailableError) as error:
            logger().warning("budget_settlement_waits", reservation=reservation.id, error=str(error))
        else:
            self._unsettled.pop(reservation.id, None)

    async def _pay(self) -> None:
        """Debts to the books. One of whom nobody knew the limits is booked where they are known now."""
        for debt in [*self._offline.debts]:
            try:
                plan = debt.plan if debt.plan.accounts else await self.limits.plan(debt.caller)
                lost = Reservation(debt.id, debt.caller, debt.cost, 0.0, UNLIMITED, CENTRE, plan)
                if plan.accounts:
                    await self.funds.settle(lost, debt.cost, counted=True)
            except (CacheUnavailableError, DatabaseUnavailableError):
                return
            self._offline.paid(debt)

    def _remember(self, plan: Plan, known: Standing) -> None:
        self._standings[plan.keys] = known
        self._standings.move_to_end(plan.keys)
        while len(self._standings) > MAX_STANDINGS:
            self._standings.popitem(last=False)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            await self.tidy()
            await self._checkpoints.tell()
