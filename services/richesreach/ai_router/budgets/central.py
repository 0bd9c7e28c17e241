"""The books of the writer region: the only place that says what is left."""

from datetime import UTC, datetime

from richesreach.ai_router.budgets.accounts import Accounts, Told
from richesreach.ai_router.budgets.checkpoints import Checkpoints
from richesreach.ai_router.budgets.model import BudgetExhaustedError, Reservation, Standing
from richesreach.ai_router.budgets.plan import Account, Plan, standing
from richesreach.ai_router.budgets.script import REFUSED, UNKNOWN_ACCOUNT

HELD = "centre"
# Accounts that are missing are opened, and the call is made again; they can hardly be lost a third time.
_TRIES = 3


class Central:
    """Each raises CacheUnavailableError; DatabaseUnavailableError where accounts cannot be opened."""

    def __init__(self, accounts: Accounts, checkpoints: Checkpoints) -> None:
        self.accounts = accounts
        self._checkpoints = checkpoints

    async def reserve(self, plan: Plan, id_: str, microdollars: int, expires: float) -> tuple[str, Standing]:
        """Raises BudgetExhaustedError."""
        told = await self.grant(plan, id_, microdollars, microdollars, expires)
        return HELD, standing(plan.accounts, told.sums)

    async def grant(self, plan: Plan, id_: str, least: int, most: int, expires: float) -> Told:
        """As much of `most` as is left, `least` at least. Raises BudgetExhaustedError."""
        wanted = [(account.key, account.budget.limit) for account in plan.accounts]
        for _ in range(_TRIES):
            told = await self.accounts.reserve(plan.org, id_, least, most, expires, wanted)
            if told.code != UNKNOWN_ACCOUNT:
                break
            await self._checkpoints.open(self.accounts.nodes, plan.accounts)
        self._checkpoints.note(plan.accounts, told.sums)
        if told.code == REFUSED:
            raise exhausted(plan.accounts[told.about - 1], *told.sums[told.about - 1], asked=least)
        return told

    async def settle(self, reservation: Reservation, cost: int, *, counted: bool) -> None:
        await self.end(reservation.plan, reservation.id, cost, counted=counted)

    async def end(self, plan: Plan, id_: str, cost: int, *, counted: bool) -> None:
        for _ in range(_TRIES):
            told = await self.accounts.settle(plan.org, id_, cost, plan.keys, counted=counted)
            if told.code != UNKNOWN_ACCOUNT:
                break
            await self._checkpoints.open(self.accounts.nodes, plan.accounts)
        self._checkpoints.note(plan.accounts, told.sums)

    async def look(self, plan: Plan) -> tuple[tuple[int, int], ...]:
        """What each account of the plan stands at: settled and reserved."""
        for _ in range(_TRIES):
            told = await self.accounts.look(plan.org, plan.keys)
            if told.code != UNKNOWN_ACCOUNT:
                break
            await self._checkpoints.open(self.accounts.nodes, plan.accounts)
        return told.sums

    async def tick(self) -> None:
        """Nothing is done beside the requests here."""

    async def close(self) -> None:
        """Nothing is held beside the requests here."""


def exhausted(account: Account, settled: int, reserved: int, *, asked: int) -> BudgetExhaustedError:
    resets = None if account.until is None else datetime.fromtimestamp(account.until, UTC)
    return BudgetExhaustedError(
        account.budget.scope,
        limit=account.budget.limit,
        settled=settled,
        reserved=reserved,
        asked=asked,
        resets=resets,
    )
