"""Books that limit nobody: for a process that keeps none."""

import time

from richesreach.ai_router.budgets.model import UNLIMITED, Reservation, Standing
from richesreach.ai_router.budgets.plan import Plan
from richesreach.ai_router.model import Caller
from richesreach.ai_router.tracking.model import Served

_NO_PLAN = Plan("", (), (), float("inf"))


class Unlimited:
    """A `Ledger`."""

    def standing(self, _caller: Caller) -> Standing:
        return UNLIMITED

    async def reserve(self, caller: Caller, microdollars: int, deadline: float) -> Reservation:
        expires = time.time() + max(0.0, deadline - time.monotonic())
        return Reservation("", caller, microdollars, expires, UNLIMITED, "", _NO_PLAN)

    async def settle(self, _reservation: Reservation, _microdollars: int) -> None:
        """Nothing is held."""

    def record(self, _served: Served) -> None:
        """Nothing is kept."""
