"""The money of one request: set aside before a provider is asked, more where a dearer fallback needs it, and
settled once, in a task of its own, so that neither the caller's leaving nor a shutdown leaves it open.
"""

from richesreach.ai_router.budgets.model import Reservation
from richesreach.ai_router.dispatching.ledger import Ledger
from richesreach.ai_router.model import Caller

# Seconds that a reservation outlives its request's deadline, for the settling.
_GRACE = 30.0


class Funds:
    """All sums are microdollars. `deadline` is of `time.monotonic`."""

    __slots__ = ("_caller", "_deadline", "_ledger", "_reservations", "_settled", "held")

    def __init__(self, ledger: Ledger, caller: Caller, deadline: float) -> None:
        self._ledger = ledger
        self._caller = caller
        self._deadline = deadline + _GRACE
        self._reservations: list[Reservation] = []
        self._settled = False
        self.held = 0

    async def cover(self, spent: int, most: int) -> None:
        """See to it that `most` more than `spent` is set aside. Raises what `Ledger.reserve` raises."""
        missing = spent + most - self.held
        if self._reservations and missing <= 0:
            return
        reservation = await self._ledger.reserve(self._caller, max(0, missing), self._deadline)
        self._reservations.append(reservation)
        self.held += reservation.microdollars

    @property
    def owed(self) -> bool:
        """Whether anything is to be settled: nobody holds what a caller without limits spends."""
        return not self._settled and any(one.held for one in self._reservations)

    async def settle(self, spent: int) -> None:
        """Once; the second call does nothing. What was spent beyond what is held goes to the last
        reservation.
        """
        if self._settled:
            return
        self._settled = True
        last = len(self._reservations) - 1
        for number, reservation in enumerate(self._reservations):
            part = spent if number == last else min(spent, reservation.microdollars)
            spent -= part
            await self._ledger.settle(reservation, part)
