"""Records in Postgres, many at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from richesreach.ai_router.tracking.metrics import answered_by
from richesreach.ai_router.tracking.model import Served
from richesreach.core.database import Connection, Database

_REQUESTS = """
    insert into ai_requests (id, request_id, at, region, org, team, key, task, asked, model, provider,
        outcome, cached, streamed, downgraded, attempts, input_tokens, output_tokens, cost, seconds,
        first_token)
    select * from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],
        $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bool[],
        $15::bool[], $16::smallint[], $17::int[], $18::int[], $19::bigint[], $20::float8[], $21::float8[])
    on conflict (id) do nothing
"""
_ATTEMPTS = """
    insert into ai_attempts (request, number, at, region, org, model, provider, credential, failure, hedge,
        input_tokens, cached_tokens, output_tokens, estimated, cost, seconds, first_token)
    select * from unnest($1::uuid[], $2::smallint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],
        $7::text[], $8::text[], $9::text[], $10::bool[], $11::int[], $12::int[], $13::int[], $14::bool[],
        $15::bigint[], $16::float8[], $17::float8[])
    on conflict (request, number) do nothing
"""
_FORGET = (
    "delete from ai_attempts where at < $1",
    "delete from ai_feedback where at < $1",
    "delete from ai_requests where at < $1",
    "delete from ai_budget_accounts where until < $1",
)
# One of all processes forgets at a time.
_ALONE = "select pg_try_advisory_xact_lock(hashtext('ai_router_forget'))"


@dataclass(frozen=True, slots=True)
class Record:
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
        requests = _columns([self._request(record) for record in records])
        attempts = _columns([row for record in records for row in self._attempts(record)])

        async def write(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute(_REQUESTS, *requests)
                if attempts:
                    await connection.execute(_ATTEMPTS, *attempts)

        try:
            await self._database.writer.run(write)
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

    def _request(self, record: Record) -> tuple[Any, ...]:
        served, caller = record.served, record.served.caller
        model = answered_by(served)
        provider = next((one.provider for one in reversed(served.attempts) if one.failure is None), None)
        return (
            record.id,
            _plain(served.request_id)[:128],
            datetime.fromtimestamp(record.at, UTC),
            self._region,
            caller.org,
            caller.team,
            caller.key,
            _plain(served.task),
            _plain(served.asked),
            model,
            provider,
            served.outcome,
            served.cached.value,
            served.streamed,
            served.downgraded,
            len(served.attempts),
            sum(one.usage.input for one in served.attempts),
            sum(one.usage.output for one in served.attempts),
            served.cost,
            max(0.0, served.seconds),
            served.first_token,
        )

    def _attempts(self, record: Record) -> list[tuple[Any, ...]]:
        at = datetime.fromtimestamp(record.at, UTC)
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
    return text[:200].encode("utf-8", "replace").decode().replace("\x00", "") or "-"


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
