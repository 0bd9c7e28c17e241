"""Which organisation and team a caller spends for."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec

from richesreach.ai_router.budgets.limits import KNOWN, MAX_CALLERS
from richesreach.ai_router.budgets.plan import digest
from richesreach.ai_router.budgets.store import Change, newest, note_change
from richesreach.ai_router.model import Caller
from richesreach.core.auth.identity import Identity
from richesreach.core.cache import Cache, Kind
from richesreach.core.database import Connection, Database, DatabaseUnavailableError

# Of whoever was assigned to none.
TEAM = "own"
MEMBERS = Kind("ai-members", ttl=30, shortest=30, longest=30, stale=86_400, local=KNOWN)

_OF = "select org, team from ai_members where subject = $1"
_ASSIGN = """
    insert into ai_members (subject, org, team) values ($1, $2, $3)
    on conflict (subject) do update set org = excluded.org, team = excluded.team, changed_at = now()
"""
_UNASSIGN = "delete from ai_members where subject = $1 returning org"


class Member(msgspec.Struct, frozen=True):
    org: str
    team: str


class Members:
    """Who was assigned to no organisation is one of its own, named by the subject."""

    def __init__(
        self, database: Database, cache: Cache, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._cache = cache
        self._clock = clock
        self._known: OrderedDict[tuple[str, str | None], tuple[Caller, float]] = OrderedDict()

    def at_once(self, identity: Identity) -> Caller | None:
        """As `caller`, while the process goes by what it knows; else None."""
        found = self._known.get((identity.subject, identity.key_id))
        return found[0] if found is not None and self._clock() < found[1] else None

    async def caller(self, identity: Identity) -> Caller:
        """As budgets and records know the caller. While nobody can say where it belongs, it is its own."""
        found = self._known.get((identity.subject, identity.key_id))
        if found is not None and self._clock() < found[1]:
            return found[0]
        try:
            member = await self._cache.get_or_load(
                _key(identity.subject), lambda: self.of(identity.subject), kind=MEMBERS, wanted=Member
            )
        except DatabaseUnavailableError:
            if found is not None:
                return found[0]
            member = None
        org, team = (member.org, member.team) if member else (identity.subject, TEAM)
        caller = Caller(org, team, identity.key_id or identity.subject)
        self._known[identity.subject, identity.key_id] = (caller, self._clock() + KNOWN)
        while len(self._known) > MAX_CALLERS:
            self._known.popitem(last=False)
        return caller

    async def of(self, subject: str) -> Member | None:
        """Raises DatabaseUnavailableError."""

        async def select(connection: Connection) -> Any:
            return await connection.fetchrow(_OF, subject)

        row = await newest(self._database, select)
        return None if row is None else Member(row["org"], row["team"])

    async def assign(self, subject: str, member: Member, change: Change) -> None:
        """Known here at once, elsewhere within 40 s. Raises DatabaseUnavailableError."""

        async def write(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute(_ASSIGN, subject, member.org, member.team)
                await note_change(connection, change, "assigned", subject, org=member.org, team=member.team)

        await self._database.write(write)
        await self._forget(subject)

    async def unassign(self, subject: str, change: Change) -> bool:
        """Whether the subject was assigned. Raises DatabaseUnavailableError."""

        async def write(connection: Connection) -> bool:
            async with connection.transaction():
                org = await connection.fetchval(_UNASSIGN, subject)
                if org is None:
                    return False
                await note_change(connection, change, "unassigned", subject, org=org)
                return True

        gone = await self._database.write(write)
        await self._forget(subject)
        return gone

    async def _forget(self, subject: str) -> None:
        for known in [known for known in self._known if known[0] == subject]:
            del self._known[known]
        await self._cache.invalidate(keys=[_key(subject)])


def _key(subject: str) -> str:
    return f"{MEMBERS.name}:{digest(subject)}"
