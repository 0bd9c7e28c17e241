"""API keys in Postgres, each change with its audit event in one transaction."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from richesreach.core.auth.api_key import ApiKey
from richesreach.core.auth.key_record import COLUMNS, KeyRecord
from richesreach.core.database import Connection, Database
from richesreach.gateway.users.audit import Actor

Result = TypeVar("Result")

MAX_KEYS = 20
MAX_LISTED = 200
_OWNER = "insert into users (subject) values ($1) on conflict do nothing"
# Serialises what one owner's requests do to the keys, so that the count holds.
_LOCK = "select status from users where subject = $1 for update"
_COUNT = "select count(*) from api_keys where owner = $1 and revoked_at is null and id <> $2"
_INSERT = f"""
    insert into api_keys (id, owner, name, roles, scopes, tier, secret_hash, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (id) do nothing returning {COLUMNS}
"""  # noqa: S608 (the columns are constants)
_SELECT = f"select {COLUMNS} from api_keys where id = $1"  # noqa: S608
_ROTATE = f"""
    update api_keys set previous_hash = secret_hash, previous_until = now() + $3::interval,
        secret_hash = $2, rotated_at = now()
    where id = $1 and secret_hash <> $2 returning {COLUMNS}
"""  # noqa: S608
_REVOKE = f"""
    update api_keys set revoked_at = now() where id = $1 and revoked_at is null returning {COLUMNS}
"""  # noqa: S608
_REVOKE_OF = f"""
    update api_keys set revoked_at = now()
    where owner = $1 and revoked_at is null and not roles <@ $2::text[] returning {COLUMNS}
"""  # noqa: S608
_TIER = f"update api_keys set tier = $2 where id = $1 and tier is distinct from $2 returning {COLUMNS}"  # noqa: S608
_LIST = """
    select id, owner, name, roles, scopes, tier, created_at, rotated_at, previous_until, expires_at,
        revoked_at, last_used_on
    from api_keys where owner = $1 order by created_at desc, id limit $2
"""


class UnknownKeyError(Exception):
    """No key of this caller has the id; another's is not told from one that does not exist."""


class RevokedKeyError(Exception):
    """The key was revoked, which is for good."""


class TooManyKeysError(Exception):
    """The owner has as many keys as one may have."""


class DisabledUserError(Exception):
    """The owner may do nothing at the moment."""


@dataclass(frozen=True, slots=True)
class NewKey:
    owner: str
    name: str
    roles: Sequence[str]
    scopes: Sequence[str] | None
    expires_at: datetime | None
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class ListedKey:
    """What may be shown of a key."""

    id: str
    owner: str
    name: str
    roles: list[str]
    scopes: list[str] | None
    tier: str | None
    created_at: datetime
    rotated_at: datetime | None
    previous_until: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_on: date | None


class KeyStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: ApiKey, new: NewKey, actor: Actor) -> KeyRecord:
        """Raises TooManyKeysError, DisabledUserError, DatabaseUnavailableError."""

        async def work(connection: Connection) -> KeyRecord:
            await connection.execute(_OWNER, new.owner)
            if await connection.fetchval(_LOCK, new.owner) != "active":
                raise DisabledUserError(new.owner)
            if await connection.fetchval(_COUNT, new.owner, key.id) >= MAX_KEYS:
                raise TooManyKeysError(new.owner)
            scopes = None if new.scopes is None else list(new.scopes)
            values = (key.id, new.owner, new.name, list(new.roles), scopes, new.tier, key.digest)
            row = await connection.fetchrow(_INSERT, *values, new.expires_at)
            if row is None:  # done already: the answer to the first try was lost
                return _record(await connection.fetchrow(_SELECT, key.id))
            await actor.note(connection, "key.issued", key.id, owner=new.owner, roles=list(new.roles))
            return _record(row)

        return await self._transaction(work)

    async def rotate(self, key: ApiKey, owner: str, overlap: timedelta, actor: Actor) -> KeyRecord:
        """Give the key with this id the new secret; the one before counts on for `overlap`.

        Raises UnknownKeyError, RevokedKeyError, DatabaseUnavailableError.
        """

        async def work(connection: Connection) -> KeyRecord:
            found = await self._owned(connection, key.id, owner)
            if found.revoked_at is not None:
                raise RevokedKeyError(key.id)
            row = await connection.fetchrow(_ROTATE, key.id, key.digest, overlap)
            if row is None:
                return found
            await actor.note(connection, "key.rotated", key.id, overlap_seconds=overlap.total_seconds())
            return _record(row)

        return await self._transaction(work)

    async def revoke(self, key_id: str, owner: str | None, actor: Actor) -> KeyRecord:
        """Twice is once. `owner` None revokes anybody's. Raises UnknownKeyError, DatabaseUnavailableError."""

        async def work(connection: Connection) -> KeyRecord:
            found = await self._owned(connection, key_id, owner)
            row = await connection.fetchrow(_REVOKE, key_id)
            if row is None:
                return found
            await actor.note(connection, "key.revoked", key_id, owner=found.owner)
            return _record(row)

        return await self._transaction(work)

    async def set_tier(self, key_id: str, tier: str | None, actor: Actor) -> KeyRecord:
        """Raises UnknownKeyError, RevokedKeyError, DatabaseUnavailableError."""

        async def work(connection: Connection) -> KeyRecord:
            found = await self._owned(connection, key_id, None)
            if found.revoked_at is not None:
                raise RevokedKeyError(key_id)
            row = await connection.fetchrow(_TIER, key_id, tier)
            if row is None:
                return found
            await actor.note(connection, "key.tier_changed", key_id, owner=found.owner, tier=tier)
            return _record(row)

        return await self._transaction(work)

    async def revoke_beyond(self, owner: str, roles: Sequence[str], actor: Actor) -> list[KeyRecord]:
        """Revoke every key of the owner that has a role which is not among these."""

        async def work(connection: Connection) -> list[KeyRecord]:
            records = [_record(row) for row in await connection.fetch(_REVOKE_OF, owner, list(roles))]
            for record in records:
                await actor.note(connection, "key.revoked", record.id, owner=owner)
            return records

        return await self._transaction(work)

    async def of_owner(self, owner: str) -> list[ListedKey]:
        """The newest first. Raises DatabaseUnavailableError."""

        async def select(connection: Connection) -> list[Any]:
            return await connection.fetch(_LIST, owner, MAX_LISTED)

        return [ListedKey(**dict(row)) for row in await self._database.read(select)]

    async def _owned(self, connection: Connection, key_id: str, owner: str | None) -> KeyRecord:
        row = await connection.fetchrow(f"{_SELECT} for update", key_id)
        if row is None or (owner is not None and row["owner"] != owner):
            raise UnknownKeyError(key_id)
        return _record(row)

    async def _transaction(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        async def whole(connection: Connection) -> Result:
            async with connection.transaction():
                return await work(connection)

        return await self._database.write(whole)


def _record(row: Any) -> KeyRecord:
    return KeyRecord.of_row(dict(row))
