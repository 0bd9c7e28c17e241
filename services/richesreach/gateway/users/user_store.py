"""What the platform itself knows of users, in Postgres."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from richesreach.core.database import Connection, Database
from richesreach.gateway.users.audit import Actor

Result = TypeVar("Result")

_KEEP = "insert into users (subject) values ($1) on conflict do nothing"
_STATUS = """
    insert into users (subject, status) values ($1, $2)
    on conflict (subject) do update set status = excluded.status
"""
_KNOWN = "select true from users where subject = $1"
_ERASE = "select relation, affected from erase_subject($1, false)"


class UserStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, subject: str, actor: Actor, action: str, **details: Any) -> None:
        """Keep the user, and what was done."""

        async def work(connection: Connection) -> None:
            await connection.execute(_KEEP, subject)
            await actor.note(connection, action, subject, **details)

        await self._transaction(work)

    async def knows(self, subject: str) -> bool:
        """Whether anything was ever done for or by them; asked of the writer, which is never behind."""

        async def ask(connection: Connection) -> bool:
            return bool(await connection.fetchval(_KNOWN, subject))

        return await self._database.writer.run(ask)

    async def set_status(self, subject: str, status: str, actor: Actor) -> None:
        async def work(connection: Connection) -> None:
            await connection.execute(_STATUS, subject, status)
            await actor.note(connection, f"user.{status}", subject)

        await self._transaction(work)

    async def erase(self, subject: str, actor: Actor) -> dict[str, int]:
        """Every row about the subject, in every table that says it holds some; the count by table.

        What was done stays in the audit trail, whose ids mean nothing without the user.
        """

        async def work(connection: Connection) -> dict[str, int]:
            rows = await connection.fetch(_ERASE, subject)
            await actor.note(connection, "user.erased", subject)
            return {row["relation"]: row["affected"] for row in rows}

        return await self._transaction(work)

    async def _transaction(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        async def whole(connection: Connection) -> Result:
            async with connection.transaction():
                return await work(connection)

        return await self._database.write(whole)
