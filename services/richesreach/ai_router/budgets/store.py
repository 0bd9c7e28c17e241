"""Budgets, members and what is settled, in Postgres."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from richesreach.ai_router.budgets.model import Budget, Period, Scope
from richesreach.core.database import Connection, Database, DatabaseUnavailableError

Result = TypeVar("Result")

# An absent team or key stands as '': a primary key takes no nulls.
_OF_ORG = """
    select org, team, key, period, limit_microdollars, low_share from ai_budgets
    where org = $1 order by team, key, period
"""
_ALL = """
    select org, team, key, period, limit_microdollars, low_share from ai_budgets
    where (org, team, key, period) > ($1, $2, $3, $4) order by org, team, key, period limit $5
"""
_PUT = """
    insert into ai_budgets (org, team, key, period, limit_microdollars, low_share)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (org, team, key, period) do update set limit_microdollars = excluded.limit_microdollars,
        low_share = excluded.low_share, changed_at = now()
"""
_DELETE = """
    delete from ai_budgets where org = $1 and team = $2 and key = $3 and period = $4
    returning limit_microdollars
"""
_AUDIT = """
    insert into ai_budget_changes (actor, action, target, details, request_id, region)
    values ($1, $2, $3, $4, $5, $6)
"""
# Sums only grow within a period: of two processes that tell the same account, the greater is the newer.
_NOTE = """
    insert into ai_budget_accounts (account, settled, reserved, until)
    select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::timestamptz[])
    on conflict (account) do update set settled = greatest(ai_budget_accounts.settled, excluded.settled),
        reserved = excluded.reserved, noted_at = now()
"""
_NOTED = "select account, settled + reserved as spent from ai_budget_accounts where account = any($1)"


@dataclass(frozen=True, slots=True)
class Change:
    """Who changed a budget, in which request, where."""

    actor: str
    request_id: str
    region: str


class BudgetStore:
    """Each raises DatabaseUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, org: str) -> list[Budget]:
        """All budgets of an organisation, its teams and keys."""

        async def select(connection: Connection) -> list[Any]:
            return await connection.fetch(_OF_ORG, org)

        return [_budget(row) for row in await newest(self._database, select)]

    async def page(self, after: tuple[str, str, str, str], limit: int) -> list[Budget]:
        async def select(connection: Connection) -> list[Any]:
            return await connection.fetch(_ALL, *after, limit)

        return [_budget(row) for row in await self._database.read(select)]

    async def put(self, budget: Budget, change: Change) -> None:
        """The budget and the note of who set it, in one transaction."""

        async def write(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute(
                    _PUT, *place(budget.scope), budget.period, budget.limit, budget.low_share
                )
                await _note(connection, change, "set", budget)

        await self._database.write(write)

    async def delete(self, scope: Scope, period: Period, change: Change) -> bool:
        """Whether there was one."""

        async def write(connection: Connection) -> bool:
            async with connection.transaction():
                limit = await connection.fetchval(_DELETE, *place(scope), period)
                if limit is None:
                    return False
                await _note(connection, change, "removed", Budget(scope, limit, period))
                return True

        return await self._database.write(write)

    async def note(self, sums: Sequence[tuple[str, int, int, datetime | None]]) -> None:
        """What accounts stand at: key, settled, reserved, and the end of the period."""
        columns = [list(column) for column in zip(*sums, strict=True)]

        async def write(connection: Connection) -> None:
            await connection.execute(_NOTE, *columns)

        await self._database.writer.run(write)

    async def noted(self, keys: Sequence[str]) -> dict[str, int]:
        """What accounts that no cache knows begin with: all that was settled, and what was set aside."""

        async def select(connection: Connection) -> list[Any]:
            return await connection.fetch(_NOTED, list(keys))

        return {row["account"]: row["spent"] for row in await self._database.writer.run(select)}


async def newest(database: Database, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """Read at the writer, as what is read is kept for a while; without a writer, what the reader has."""
    try:
        return await database.writer.run(work)
    except DatabaseUnavailableError:
        return await database.reader.run(work)


def place(scope: Scope) -> tuple[str, str, str]:
    return scope.org, scope.team or "", scope.key or ""


async def note_change(
    connection: Connection, change: Change, action: str, target: str, **details: Any
) -> None:
    """Write down who changed what; call it inside the transaction that changes it."""
    await connection.execute(
        _AUDIT, change.actor, action, target, json.dumps(details), change.request_id, change.region
    )


async def _note(connection: Connection, change: Change, action: str, budget: Budget) -> None:
    target = f"{budget.scope.name} {budget.period}"
    limit, share = budget.limit, budget.low_share
    await note_change(connection, change, action, target, limit_microdollars=limit, low_share=share)


def _budget(row: Any) -> Budget:
    scope = Scope(row["org"], row["team"] or None, row["key"] or None)
    return Budget(scope, row["limit_microdollars"], Period(row["period"]), float(row["low_share"]))
