"""What accounts stand at, told to Postgres every second, so that a cache that lost its memory begins there.

What was settled and set aside since the last telling is then not counted: at most a second of each process.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from richesreach.ai_router.budgets.plan import KEPT, Account
from richesreach.ai_router.budgets.script import OPEN
from richesreach.ai_router.budgets.store import BudgetStore
from richesreach.core.cache.flights import Flights
from richesreach.core.cache.nodes import Nodes
from richesreach.core.database import DatabaseUnavailableError
from richesreach.core.logs import logger

# Accounts that wait to be told; a process has as many as it has active callers.
MAX_WAITING = 50_000


class Checkpoints:
    def __init__(self, store: BudgetStore) -> None:
        self._store = store
        self._waiting: dict[str, tuple[int, int, float | None]] = {}
        self._opening: Flights[None] = Flights()

    def note(self, accounts: Iterable[Account], sums: Iterable[tuple[int, int]]) -> None:
        for account, (settled, reserved) in zip(accounts, sums, strict=True):
            if account.key in self._waiting or len(self._waiting) < MAX_WAITING:
                self._waiting[account.key] = (settled, reserved, account.until)

    async def tell(self) -> None:
        """What is new. Without the database it waits for the next time."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        rows = [
            (key, settled, reserved, None if until is None else datetime.fromtimestamp(until, UTC))
            for key, (settled, reserved, until) in sorted(waiting.items())
        ]
        try:
            await self._store.note(rows)
        except DatabaseUnavailableError as error:
            self._waiting = {**waiting, **self._waiting}
            logger().warning("budget_checkpoint_waits", accounts=len(waiting), error=str(error))

    async def open(self, nodes: Nodes, accounts: Iterable[Account]) -> None:
        """Accounts that the cache does not know, from where they stood; once for all who find them missing.

        What was set aside then counts as spent: its reservations are gone with the cache.
        Raises DatabaseUnavailableError and CacheUnavailableError.
        """
        wanted = tuple(accounts)
        await self._opening.join(
            " ".join(account.key for account in wanted), lambda: self._open(nodes, wanted)
        )

    async def _open(self, nodes: Nodes, accounts: tuple[Account, ...]) -> None:
        keys = [account.key for account in accounts]
        noted = await self._store.noted(keys)
        arguments: list[int] = []
        for account in accounts:
            until = 0 if account.until is None else int((account.until + KEPT) * 1000)
            arguments += (noted.get(account.key, 0), until)
        await nodes.write_directly(lambda wire: OPEN.run(wire, keys, arguments))
