"""Beacons in Postgres."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg

from richesreach.core.database import Connection, Database

# The same id twice is the same write: the pool may do it again when the writer moved under it.
_WRITE = """
    insert into topology_beacons (id, message, written_in) values ($1, $2, $3)
    on conflict (id) do update set id = excluded.id
    returning id, message, written_in, written_at,
        host(inet_server_addr()) as address, pg_is_in_recovery() as replica
"""
_READ = """
    select id, message, written_in, written_at,
        host(inet_server_addr()) as address, pg_is_in_recovery() as replica,
        case when pg_is_in_recovery() then
            greatest(0, extract(epoch from now() - pg_last_xact_replay_timestamp()) * 1000)::float8
        end as replication_lag_ms
    from topology_beacons where id = $1
"""


@dataclass(frozen=True, slots=True)
class Beacon:
    """A row, and the server that answered it. Lag in milliseconds; None on a writer."""

    id: UUID
    message: str
    written_in: str
    written_at: datetime
    address: str
    role: Literal["writer", "reader"]
    replication_lag_ms: float | None = None


class BeaconStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, beacon_id: UUID, message: str, region: str) -> Beacon:
        """Insert through the writer. Raises DatabaseUnavailableError."""

        async def insert(connection: Connection) -> asyncpg.Record | None:
            return await connection.fetchrow(_WRITE, beacon_id, message, region)

        row = await self._database.writer.run(insert)
        assert row is not None  # noqa: S101 (an upsert returns its row)
        return _beacon(row)

    async def read(self, beacon_id: UUID) -> Beacon | None:
        """Select through the reader, which may be behind the writer. Raises DatabaseUnavailableError."""

        async def select(connection: Connection) -> asyncpg.Record | None:
            return await connection.fetchrow(_READ, beacon_id)

        row = await self._database.reader.run(select)
        return None if row is None else _beacon(row)


def _beacon(row: asyncpg.Record) -> Beacon:
    columns = dict(row)
    return Beacon(role="reader" if columns.pop("replica") else "writer", **columns)
