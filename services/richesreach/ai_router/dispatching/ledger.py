"""What dispatching needs of the books: set money aside before a provider is asked, settle afterwards, record.

`budgets.books.Books` keeps them.
"""

from typing import Protocol

from richesreach.ai_router.budgets.model import Reservation, Standing
from richesreach.ai_router.model import Caller
from richesreach.ai_router.tracking.model import Served


class Ledger(Protocol):
    def standing(self, caller: Caller) -> Standing:
        """What this process last knew to be left. No I/O: for the choice of a model, never for permission."""

    async def reserve(self, caller: Caller, microdollars: int, deadline: float) -> Reservation:
        """Set `microdollars`, the most that the request can cost, aside until `deadline` (`time.monotonic`).

        Raises BudgetExhaustedError, and BudgetsUnavailableError where nobody can say what is left.
        """

    async def settle(self, reservation: Reservation, microdollars: int) -> None:
        """What the request cost; the rest is free again. Never raises; the second call of one does nothing.

        Call it whatever happened. A reservation that is never settled counts as spent once it expires.
        """

    def record(self, served: Served) -> None:
        """Note a request that has ended. Never blocks and never raises."""
