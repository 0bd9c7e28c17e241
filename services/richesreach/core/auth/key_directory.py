"""Finds the owner of an API key: in the process's memory, in the region's cache, in the database."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import asyncpg

from richesreach.core.auth import api_key
from richesreach.core.auth.identity import Identity
from richesreach.core.auth.key_record import COLUMNS, KeyRecord, revoked
from richesreach.core.auth.refusals import DirectoryUnavailableError, RefusedCredentialError
from richesreach.core.auth.revocations import Revocations
from richesreach.core.cache import Cache
from richesreach.core.cache.codec import Entry
from richesreach.core.cache.keys import key
from richesreach.core.cache.kinds import Kind
from richesreach.core.database import Connection, Database, DatabaseUnavailableError
from richesreach.core.ending import end
from richesreach.core.logs import logger
from richesreach.core.resilience.bulkhead import Bulkhead
from richesreach.core.resilience.errors import BulkheadFullError

# A key that is known serves on for an hour where the database is away. One that is not may be on its way to
# the region's replica.
KIND = Kind("apikey", ttl=60, shortest=60, longest=60, stale=3600, negative=5, local=30.0)
# Seconds between two notes of which keys were used; the note itself is of the day.
NOTE_INTERVAL = 30.0
# Invented keys must not take all connections of the pool.
_LOADS, _WAITING = 4, 64
_MOST_PROVEN = 4096

_LOAD = f"select {COLUMNS} from api_keys where id = $1"  # noqa: S608 (the columns are above)
_NOTE = """
    update api_keys set last_used_on = $2
    where id = any($1::text[]) and (last_used_on is null or last_used_on < $2)
"""


@dataclass(frozen=True, slots=True)
class _Proven:
    """A key that was shown with its secret.

    `record` is the entry of the process's memory that proved it, under `name`.
    """

    id: str
    name: str
    bearer: Identity
    record: Entry | None
    until: datetime | None


class KeyDirectory:
    """`now` gives the time with its zone."""

    def __init__(
        self,
        database: Database,
        cache: Cache,
        revocations: Revocations,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._cache = cache
        self._revocations = revocations
        self._now = now
        self._loads = Bulkhead("api-keys", size=_LOADS, queue=_WAITING)
        # By the digest of what was shown: no secret is kept longer than its request.
        self._proven: OrderedDict[bytes, _Proven] = OrderedDict()
        self._used: set[str] = set()
        self._noted: dict[str, date] = {}
        self._noting: asyncio.Task[None] | None = None

    def known(self, text: str) -> Identity | None:
        """Who shows this key, where the process has that proven; None where `find` is to find out."""
        proven = self._proven.get(_digest(text))
        if proven is None or not self._still(proven) or proven.id in self._revocations:
            return None
        self._used.add(proven.id)
        return proven.bearer

    async def find(self, text: str) -> Identity:
        """Who shows this key. Raises RefusedCredentialError and DirectoryUnavailableError."""
        digest = _digest(text)
        proven = self._proven.get(digest)
        if proven is None or not self._still(proven):
            proven = await self._prove(text)
            self._proven[digest] = proven
            if len(self._proven) > _MOST_PROVEN:
                self._proven.popitem(last=False)
        if proven.id in self._revocations:
            raise revoked()
        self._used.add(proven.id)
        return proven.bearer

    def _still(self, proven: "_Proven") -> bool:
        """Whether the process knows the same of the key as when it was proven, and no time has run out."""
        if proven.record is None or proven.record is not self._cache.recall(proven.name):
            return False
        return proven.until is None or self._now() < proven.until

    async def _prove(self, text: str) -> "_Proven":
        shown = api_key.parse(text)
        if shown is None:
            raise RefusedCredentialError("malformed_api_key", "The API key is not known.")
        name = _name(shown.id)
        entry = self._cache.recall(name)
        record = await self._record(shown.id)
        if record is None:
            raise RefusedCredentialError("unknown_api_key", "The API key is not known.")
        if entry is not self._cache.recall(name):
            entry = None  # something came meanwhile, which may not be what was read
        now = self._now()
        bearer = record.bearer(shown, now)
        ends = [end for end in (record.expires_at, record.previous_until) if end is not None and end > now]
        return _Proven(shown.id, name, bearer, entry, min(ends, default=None))

    async def changed(self, record: KeyRecord) -> None:
        """Tell every process of the region what is now true of a key, and every region of one revoked.

        The new record takes the place of the old, so that a replica which is behind is not asked.
        """
        if record.revoked_at is not None:
            await self._revocations.tell(record.id)
        name = _name(record.id)
        await self._cache.invalidate(keys=[name])
        await self._cache.set(name, record, ttl_seconds=KIND.ttl)

    def open(self) -> None:
        self._revocations.open()
        self._noting = asyncio.create_task(self._note_at_times(), name="used-keys")

    async def close(self) -> None:
        await self._revocations.close()
        await end(self._noting)

    async def note_used(self) -> None:
        """Write down the day for keys that were not used on it before: once a day a key and process."""
        today, used = self._now().date(), self._used
        new = sorted(key_id for key_id in used if self._noted.get(key_id) != today)
        self._used = set()
        if not new:
            return

        async def note(connection: Connection) -> None:
            await connection.execute(_NOTE, new, today)

        try:
            await self._database.writer.run(note)
        except (DatabaseUnavailableError, asyncpg.PostgresError) as error:
            self._used |= used
            logger().info("use_of_keys_not_noted", error=type(error).__name__)
            return
        self._noted = {key_id: day for key_id, day in self._noted.items() if day == today}
        self._noted.update(dict.fromkeys(new, today))

    async def _record(self, key_id: str) -> KeyRecord | None:
        try:
            return await self._cache.get_or_load(
                _name(key_id), lambda: self._load(key_id), kind=KIND, wanted=KeyRecord
            )
        except (DatabaseUnavailableError, BulkheadFullError, asyncpg.PostgresError, TimeoutError) as error:
            logger().warning("api_keys_unavailable", error=type(error).__name__)
            raise DirectoryUnavailableError(type(error).__name__) from error

    async def _load(self, key_id: str) -> KeyRecord | None:
        async def select(connection: Connection) -> asyncpg.Record | None:
            return await connection.fetchrow(_LOAD, key_id)

        async with self._loads.place():
            row = await self._database.reader.run(select)
        return None if row is None else KeyRecord.of_row(dict(row))

    async def _note_at_times(self) -> None:
        while True:
            await asyncio.sleep(NOTE_INTERVAL)
            await self.note_used()


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace")).digest()


def _name(key_id: str) -> str:
    return key(KIND.name, key_id)
