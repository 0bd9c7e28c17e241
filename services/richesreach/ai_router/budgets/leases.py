"""What a process far from the writer region may spend without asking it: allowances for a few seconds.

A lease is a reservation in the writer region's books like any other, larger and for many requests. Requests
take of it in memory. It is settled once it has run out and its requests have ended; one whose process was
killed counts as spent when its reservation does, so leases are small: they never exceed what is left.
"""

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable
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
_TRIES = 3


@dataclass(slots=True)
class Lease:
    """`until` requests take of it, and at `expires` the books count it as spent; both in Unix seconds."""

    id: str
    plan: Plan
    granted: int
    until: float
    expires: float
    left_elsewhere: Standing


class Leases:
    """Stands in for the books of the writer region; the same errors."""

    def __init__(self, central: Central, *, now: Callable[[], float] = time.time) -> None:
        self.central = central
        self._now = now
        self._journal = Journal()
        self._current: dict[tuple[str, ...], Lease] = {}
        self._leases: dict[str, Lease] = {}
        self._renewing: Flights[None] = Flights()
        self._early: dict[tuple[str, ...], asyncio.Task[None]] = {}
        self._ids = (f"{secrets.token_hex(8)}-{number:x}" for number in itertools.count())

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
        key = reservation.held.removeprefix(HELD)
        self._journal.settle(reservation.id, cost, (key,), self._milliseconds(), counted=False)

    async def tick(self) -> None:
        """Settle the leases that have run out and of which nothing is set aside any more."""
        self._journal.sweep(self._milliseconds())
        for lease in [*self._leases.values()]:
            if self._current.get(lease.plan.keys) is lease and self._now() >= lease.until:
                del self._current[lease.plan.keys]
            if self._current.get(lease.plan.keys) is not lease:
                await self._return(lease, at_once=False)

    async def close(self) -> None:
        """What is still set aside counts as spent."""
        for task in self._early.values():
            task.cancel()
        self._current.clear()
        for lease in [*self._leases.values()]:
            await self._return(lease, at_once=True)

    def _take(self, plan: Plan, id_: str, microdollars: int, expires: float) -> Lease | None:
        lease = self._current.get(plan.keys)
        if lease is None or self._now() >= lease.until or expires > lease.expires:
            return None
        wanted = [(lease.id, lease.granted)]
        until, now = int(expires * 1000), self._milliseconds()
        told = self._journal.reserve(id_, microdollars, microdollars, until, wanted, now)
        return lease if told.code == DONE else None

    def _look_ahead(self, lease: Lease) -> None:
        """Ask for the next lease before this one is used up, so that no request waits for it."""
        keys = lease.plan.keys
        soon = lease.until - self._now() < USABLE * EARLY
        if (soon or lease.granted - self._used(lease) < lease.granted * EARLY) and keys not in self._early:
            least = max(1, int(lease.granted * EARLY))
            task = asyncio.create_task(self._renew_quietly(lease, least), name="budget-lease")
            self._early[keys] = task
            task.add_done_callback(lambda _: self._early.pop(keys))

    async def _renew_quietly(self, lease: Lease, least: int) -> None:
        try:
            await self._renewed(lease.plan, least, self._now() + OUTLIVES)
        except (BudgetExhaustedError, CacheUnavailableError, DatabaseUnavailableError) as error:
            # The request that needs it will ask, and be told.
            logger().debug("budget_lease_not_renewed", error=str(error))

    async def _renewed(self, plan: Plan, least: int, expires: float) -> None:
        """Raises what the books raise. Requests that come meanwhile wait for the same answer."""
        await self._renewing.join(" ".join(plan.keys), lambda: self._renew(plan, least, expires))

    async def _renew(self, plan: Plan, least: int, expires: float) -> None:
        now = self._now()
        lasts = max(now + USABLE + OUTLIVES, expires + USABLE)
        id_ = next(self._ids)
        told = await self.central.grant(plan, id_, least, max(least, self._size(plan)), lasts)
        lease = Lease(id_, plan, told.granted, now + USABLE, lasts, standing(plan.accounts, told.sums))
        self._journal.open(id_)
        self._leases[id_] = self._current[plan.keys] = lease

    def _size(self, plan: Plan) -> int:
        part = min(account.budget.limit for account in plan.accounts) // PART_OF_LIMIT
        before = self._current.get(plan.keys)
        left = before.left_elsewhere.left if before is not None else None
        return part if left is None else min(part, left // PART_OF_LEFT)

    def _used(self, lease: Lease) -> int:
        sums = self._journal.accounts[lease.id]
        return sums.settled + sums.reserved

    def _standing(self, lease: Lease) -> Standing:
        elsewhere = lease.left_elsewhere
        return replace(elsewhere, left=(elsewhere.left or 0) + lease.granted - self._used(lease))

    async def _return(self, lease: Lease, *, at_once: bool) -> None:
        sums = self._journal.accounts[lease.id]
        if sums.reserved and not at_once:
            return
        try:
            # A lease that was lost with its cache counts with what was spent of it.
            await self.central.end(lease.plan, lease.id, sums.settled + sums.reserved, counted=True)
        except (CacheUnavailableError, DatabaseUnavailableError) as error:
            logger().warning("budget_lease_kept", microdollars=sums.settled, error=str(error))
            return
        del self._leases[lease.id]
        del self._journal.accounts[lease.id]

    def _milliseconds(self) -> int:
        return int(self._now() * 1000)
