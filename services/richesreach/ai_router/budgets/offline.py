"""What a process may spend while nobody can say what is left: little, and owed until the books take it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from richesreach.ai_router.budgets.journal import Journal
from richesreach.ai_router.budgets.model import BudgetsUnavailableError, Reservation
from richesreach.ai_router.budgets.plan import Plan, digest
from richesreach.ai_router.budgets.script import DONE
from richesreach.ai_router.model import Caller

HELD = "offline"


@dataclass(frozen=True, slots=True)
class Debt:
    """What a request cost that no books know of."""

    plan: Plan
    caller: Caller
    id: str
    cost: int


class Offline:
    """`allowance` is in microdollars, of each organisation in this process until its debts are taken; 0 lets
    nothing through.
    """

    def __init__(self, allowance: int, *, now: Callable[[], float] = time.time) -> None:
        self.allowance = allowance
        self._now = now
        self._journal = Journal()
        self._open: dict[str, Reservation] = {}
        self.debts: list[Debt] = []

    def reserve(self, plan: Plan, org: str, id_: str, microdollars: int, expires: float) -> None:
        """Raises BudgetsUnavailableError."""
        key = digest(org)
        self._journal.open(key)
        limit = min([self.allowance, *(account.budget.limit for account in plan.accounts)])
        until, now = int(expires * 1000), int(self._now() * 1000)
        told = self._journal.reserve(id_, microdollars, microdollars, until, [(key, limit)], now)
        if told.code != DONE:
            raise BudgetsUnavailableError(
                "What is left of the budget cannot be known at the moment, and what may be spent without"
                " knowing it is used up. Try again in a few seconds."
            )

    def holds(self, reservation: Reservation) -> None:
        self._open[reservation.id] = reservation

    def settle(self, reservation: Reservation, cost: int) -> None:
        """The cost is owed until `paid`."""
        if self._open.pop(reservation.id, None) is None:
            return
        key = digest(reservation.caller.org)
        self._journal.settle(reservation.id, cost, (key,), int(self._now() * 1000), counted=False)
        self.debts.append(Debt(reservation.plan, reservation.caller, reservation.id, cost))

    def overdue(self) -> list[Reservation]:
        """Reservations that ran out, and that nobody settles any more."""
        return [found for found in self._open.values() if found.expires <= self._now()]

    def paid(self, debt: Debt) -> None:
        """The books have it: so much may be spent unasked again."""
        self.debts.remove(debt)
        self._journal.accounts[digest(debt.caller.org)].settled -= debt.cost
