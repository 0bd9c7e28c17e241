"""What a process far from the writer region may spend without asking it: allowances for a few seconds.

A lease is a reservation in the writer region's books like any other, larger and for many requests. Requests
take of it in memory. It is settled once it has run out and its requests have ended; one whose process was
killed counts as spent when its reservation does, so leases are small: they never exceed what is left.
"""

import asyncio
import contextlib
import itertools
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace

from richesreach.ai_router.budgets.central import Central
from richesreach.ai_router.budgets.journal import Journal
from richesreach.ai_router.budgets.model import BudgetExhaustedError, Reservation, Standing
from richesreach.ai_router.budgets.plan import Plan, standing
from richesreach.ai_router.budgets.script import DONE
from richesreach.core.cache.flights import Flights
from richesreach.core.cache.nodes import CacheUnavailableError
from richesreach.core.database import DatabaseUnavailableError
from richesreach.core.logs import logger

HELD = "lease:"
# Seconds for which requests take of a lease, and for which its reservation outlives that.
USABLE, OUTLIVES = 15.0, 120.0
# A lease is as much as one of so many parts of the tightest limit, and of what is left below it.
PART_OF_LIMIT, PART_OF_LEFT = 200, 8
# Before less than this share of it is left, or of its time, the next one is asked for.
EARLY = 0.25
# So many leases of the same accounts are taken of; older ones are returned.
KEPT = 2
_TRIES = 3
_AWAY = (CacheUnavailableError, DatabaseUnavailableError)


@dataclass(slots=True, eq=False)
class Lease:
    """`until` requests take of it, and at `expires` the books count it as spent; both in Unix seconds."""

    id: str
    plan: Plan
    granted: int
    until: float
    expires: float
    left_elsewhere: Standing
    # Whether the books may have been told already what was spent of it.
    told: bool = False


class Leases:
    """Stands in for the books of the writer region; the same errors."""

    def __init__(self, central: Central, *, now: Callable[[], float] = time.time) -> None:
        self.central = central
        self._now = now
        self._journal = Journal()
        self._leases: dict[str, Lease] = {}
        # Of which requests take now, the oldest first; the others wait for theirs to end.
        self._usable: dict[tuple[str, ...], list[Lease]] = {}
        # What was asked for and never heard of.
        self._lost: dict[str, Plan] = {}
        self._renewing: Flights[None] = Flights()
        self._tasks: set[asyncio.Task[None]] = set()
        self._early: set[tuple[str, ...]] = set()
        self._prefix, self._numbers = secrets.token_hex(8), itertools.count()

    async def reserve(self, plan: Plan, id_: str, microdollars: int, expires: float) -> tuple[str, Standing]:
        """Raises BudgetExhaustedError."""
        for _ in range(_TRIES):
            lease = self._take(plan, id_, microdollars, expires)
            if lease is not None:
                self._look_ahead(lease)
                return HELD + lease.id, self._standing(lease)
            try:
                await self._renewed(plan, microdollars, expires)
            except BudgetExhaustedError:
                break  # what another request asked for is not there; what this one asks for may be
        # Others take what comes faster than this one: it asks for itself.
        return await self.central.reserve(plan, id_, microdollars, expires)

    async def settle(self, reservation: Reservation, cost: int, *, counted: bool) -> None:
        if not reservation.held.startswith(HELD):
            await self.central.settle(reservation, cost, counted=counted)
            return
        lease = self._leases.get(reservation.held.removeprefix(HELD))
        if lease is None:
            return  # it ran out and is returned: the reservation counts as spent
        self._journal.settle(reservation.id, cost, (lease.id,), self._milliseconds(), counted=False)
        if lease not in self._usable.get(lease.plan.keys, ()):
            self._begin(self._return(lease, at_once=False))

    async def tick(self) -> None:
        """Return the leases that have run out and of which nothing is set aside any more."""
        self._journal.sweep(self._milliseconds())
        for keys, usable in [*self._usable.items()]:
            self._usable[keys] = [lease for lease in usable if self._now() < lease.until]
            if not self._usable[keys]:
                del self._usable[keys]
        for lease in [*self._leases.values()]:
            if lease not in self._usable.get(lease.plan.keys, ()):
                await self._return(lease, at_once=False)
        for id_, plan in [*self._lost.items()]:
            with contextlib.suppress(*_AWAY):
                await self.central.end(plan, id_, 0, counted=False)
                del self._lost[id_]

    async def close(self) -> None:
        """What is still set aside counts as spent."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        self._usable.clear()
        await self.tick()
        for lease in [*self._leases.values()]:
            await self._return(lease, at_once=True)

    def _begin(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work, name="budget-lease")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _take(self, plan: Plan, id_: str, microdollars: int, expires: float) -> Lease | None:
        now, until = self._milliseconds(), int(expires * 1000)
        for lease in self._usable.get(plan.keys, ()):
            if self._now() < lease.until and expires <= lease.expires:
                wanted = [(lease.id, lease.granted)]
                if self._journal.reserve(id_, microdollars, microdollars, until, wanted, now).code == DONE:
                    return lease
        return None

    def _look_ahead(self, lease: Lease) -> None:
        """Ask for the next lease before these are used up, so that no request waits for it."""
        keys = lease.plan.keys
        newest = self._usable[keys][-1]
        soon = newest.until - self._now() < USABLE * EARLY
        if (soon or newest.granted - self._used(newest) < newest.granted * EARLY) and keys not in self._early:
            self._early.add(keys)
            task = self._begin(self._renew_quietly(lease.plan, max(1, int(newest.granted * EARLY))))
            task.add_done_callback(lambda _: self._early.discard(keys))

    async def _renew_quietly(self, plan: Plan, least: int) -> None:
        try:
            await self._renewed(plan, least, self._now() + OUTLIVES)
        except (BudgetExhaustedError, *_AWAY) as error:
            # The request that needs it will ask, and be told.
            logger().debug("budget_lease_not_renewed", error=str(error))

    async def _renewed(self, plan: Plan, least: int, expires: float) -> None:
        """Raises what the books raise. Requests that come meanwhile wait for the same answer."""
        await self._renewing.join(" ".join(plan.keys), lambda: self._begin(self._renew(plan, least, expires)))

    async def _renew(self, plan: Plan, least: int, expires: float) -> None:
        now = self._now()
        lasts = max(now + USABLE + OUTLIVES, expires + USABLE)
        id_ = f"{self._prefix}-{next(self._numbers):x}"
        try:
            told = await self.central.grant(plan, id_, least, max(least, self._size(plan)), lasts)
        except CacheUnavailableError:
            self._lost[id_] = plan
            raise
        lease = Lease(id_, plan, told.granted, now + USABLE, lasts, standing(plan.accounts, told.sums))
        self._journal.open(id_)
        self._leases[id_] = lease
        usable = self._usable.setdefault(plan.keys, [])
        usable.append(lease)
        for spent in usable[:-KEPT]:
            usable.remove(spent)
            self._begin(self._return(spent, at_once=False))

    def _size(self, plan: Plan) -> int:
        part = min(account.budget.limit for account in plan.accounts) // PART_OF_LIMIT
        before = self._usable.get(plan.keys)
        left = before[-1].left_elsewhere.left if before else None
        return part if left is None else min(part, left // PART_OF_LEFT)

    def _used(self, lease: Lease) -> int:
        sums = self._journal.accounts[lease.id]
        return sums.settled + sums.reserved

    def _standing(self, lease: Lease) -> Standing:
        elsewhere = lease.left_elsewhere
        return replace(elsewhere, left=(elsewhere.left or 0) + lease.granted - self._used(lease))

    async def _return(self, lease: Lease, *, at_once: bool) -> None:
        sums = self._journal.accounts.get(lease.id)
        if sums is None or lease.id not in self._leases or (sums.reserved and not at_once):
            return
        # The books may hear it twice, and count it once.
        spent, first, lease.told = sums.settled + sums.reserved, not lease.told, True
        try:
            await self.central.end(lease.plan, lease.id, spent, counted=first)
        except _AWAY as error:
            logger().warning("budget_lease_kept", microdollars=spent, error=str(error))
            return
        self._leases.pop(lease.id, None)
        self._journal.accounts.pop(lease.id, None)

    def _milliseconds(self) -> int:
        return int(self._now() * 1000)
