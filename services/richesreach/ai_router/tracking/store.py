"""Records in Postgres, many at a time: copied, which costs both sides least."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from richesreach.ai_router.tracking.metrics import answering
from richesreach.ai_router.tracking.model import Served
from richesreach.core.database import Connection, Database

_REQUESTS = (
    "id", "request_id", "at", "region", "org", "team", "key", "task", "asked", "model", "provider", "outcome",
    "cached", "streamed", "downgraded", "attempts", "input_tokens", "output_tokens", "cost", "seconds",
    "first_token",
)  # fmt: skip
_ATTEMPTS = (
    "request", "number", "at", "region", "org", "model", "provider", "credential", "failure", "hedge",
    "input_tokens", "cached_tokens", "output_tokens", "estimated", "cost", "seconds", "first_token",
)  # fmt: skip
_FORGET = (
    "delete from ai_attempts where at < $1",
    "delete from ai_feedback where at < $1",
    "delete from ai_requests where at < $1",
    "delete from ai_budget_accounts where until < $1",
)
# One of all processes forgets at a time.
_ALONE = "select pg_try_advisory_xact_lock(hashtext('ai_router_forget'))"


class Record(msgspec.Struct, frozen=True, gc=False):
    """`at` in Unix seconds."""

    id: UUID
    at: float
    served: Served


class RefusedRecordsError(Exception):
    """The database will never take these records."""


class RecordStore:
    """Each raises DatabaseUnavailableError."""

    def __init__(self, database: Database, region: str) -> None:
        self._database = database
        self._region = region

    async def add(self, records: Sequence[Record]) -> None:
        """The same records again change nothing. Raises RefusedRecordsError too."""
        requests: list[tuple[Any, ...]] = []
        attempts: list[tuple[Any, ...]] = []
        for record in records:
            at = datetime.fromtimestamp(record.at, UTC)
            requests.append(self._request(record, at))
            attempts += self._attempts(record, at)
        rows = {"ai_requests": (_REQUESTS, requests), "ai_attempts": (_ATTEMPTS, attempts)}

        async def copy(connection: Connection) -> None:
            async with connection.transaction():
                for table, (columns, found) in rows.items():
                    await connection.copy_records_to_table(table, columns=columns, records=found)

        async def add_missing(connection: Connection) -> None:
            async with connection.transaction():
                for table, (columns, found) in rows.items():
                    await connection.executemany(_insert(table, columns), found)

        try:
            try:
                await self._database.writer.run(copy)
            except asyncpg.UniqueViolationError:
                # They are there, in part at least: an earlier try arrived, and nobody could say so.
                await self._database.writer.run(add_missing)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise RefusedRecordsError(str(error)) from error

    async def forget(self, days: int, now: float) -> None:
        """What is older; nothing where another process is at it."""
        before = datetime.fromtimestamp(now, UTC) - timedelta(days=days)

        async def write(connection: Connection) -> None:
            async with connection.transaction():
                if await connection.fetchval(_ALONE):
                    for statement in _FORGET:
                        await connection.execute(statement, before)

        await self._database.writer.run(write)

    def _request(self, record: Record, at: datetime) -> tuple[Any, ...]:
        served, caller = record.served, record.served.caller
        answer = answering(served)
        model = served.cached_model
        if model is None and answer is not None:
            model = answer.model
        return (
            record.id,
            _plain(served.request_id)[:128],
            at,
            self._region,
            caller.org,
            caller.team,
            caller.key,
            _plain(served.task),
            _plain(served.asked),
            model,
            None if answer is None else answer.provider,
            served.outcome,
            served.cached.value,
            served.streamed,
            served.downgraded,
            len(served.attempts),
            sum([one.usage.input for one in served.attempts]),
            sum([one.usage.output for one in served.attempts]),
            served.cost,
            max(0.0, served.seconds),
            served.first_token,
        )

    def _attempts(self, record: Record, at: datetime) -> list[tuple[Any, ...]]:
        return [
            (
                record.id,
                number,
                at,
                self._region,
                record.served.caller.org,
                one.model,
                one.provider,
                one.credential,
                one.failure.value if one.failure is not None else None,
                one.hedge,
                one.usage.input,
                one.usage.cached_input,
                one.usage.output,
                one.usage.estimated,
                one.cost,
                max(0.0, one.seconds),
                one.first_token,
            )
            for number, one in enumerate(record.served.attempts)
        ]


def _plain(text: str) -> str:
    """As Postgres takes it, and not too long: a caller may send anything."""
    if text.isascii() and 0 < len(text) <= 200 and "\x00" not in text:
        return text
    return text[:200].encode("utf-8", "replace").decode().replace("\x00", "") or "-"


def _insert(table: str, columns: Sequence[str]) -> str:
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    names = ", ".join(columns)
    return f"insert into {table} ({names}) values ({places}) on conflict do nothing"  # noqa: S608 (ours)
