"""The audit trail: who did what to which user or key, in the transaction that did it.

Ids alone: no secret, no e-mail address, no name.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from richesreach.core import logs
from richesreach.core.auth.identity import Identity
from richesreach.core.database import Connection, Database

MAX_PAGE = 200
_NOTE = """
    insert into audit_events (actor, action, target, details, request_id, region)
    values ($1, $2, $3, $4, $5, $6)
"""
# Newest first. A page goes on below the id of the last one that the caller has.
_PAGE = """
    select id, at, actor, action, target, details, request_id, region from audit_events
    where ($1::bigint is null or id < $1) and ($2::text is null or actor = $2)
        and ($3::text is null or target = $3) and ($4::text is null or action = $4)
    order by id desc limit $5
"""


class MalformedCursorError(ValueError):
    """The cursor is none that a page gave."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, in which request, where."""

    subject: str
    request_id: str
    region: str

    @classmethod
    def of(cls, caller: Identity | None, region: str) -> "Actor":
        """`anonymous` for nobody; a key acts for its owner, and is named."""
        subject = caller.subject if caller else "anonymous"
        if caller and caller.key_id:
            subject = f"{subject} by key {caller.key_id}"[:128]
        return cls(subject, str(logs.fact("request_id") or "none"), region)

    async def note(self, connection: Connection, action: str, target: str, **details: Any) -> None:
        """Write an event; call it inside the transaction that it is about."""
        await connection.execute(
            _NOTE, self.subject, action, target, json.dumps(details), self.request_id, self.region
        )


@dataclass(frozen=True, slots=True)
class Event:
    id: int
    at: datetime
    actor: str
    action: str
    target: str
    details: Mapping[str, Any]
    request_id: str
    region: str


@dataclass(frozen=True, slots=True)
class Filter:
    actor: str | None = None
    target: str | None = None
    action: str | None = None


class Trail:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, actor: Actor, action: str, target: str, **details: Any) -> None:
        """An event about what is in no table. Raises DatabaseUnavailableError."""

        async def insert(connection: Connection) -> None:
            await actor.note(connection, action, target, **details)

        await self._database.write(insert)

    async def page(self, wanted: Filter, cursor: str | None, limit: int) -> tuple[list[Event], str | None]:
        """Events, newest first, and the cursor of the page after; None on the last page.

        Raises MalformedCursorError and DatabaseUnavailableError.
        """
        below = None if cursor is None else _decoded(cursor)

        async def select(connection: Connection) -> list[Any]:
            return await connection.fetch(_PAGE, below, wanted.actor, wanted.target, wanted.action, limit + 1)

        rows = [dict(row) for row in await self._database.read(select)]
        events = [Event(**{**row, "details": json.loads(row["details"])}) for row in rows[:limit]]
        return events, _encoded(events[-1].id) if len(rows) > limit else None


def _encoded(event_id: int) -> str:
    return base64.urlsafe_b64encode(f"event:{event_id}".encode()).decode().rstrip("=")


def _decoded(cursor: str) -> int:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise MalformedCursorError(cursor) from None
    name, _, number = text.partition(":")
    if name != "event" or not (number.isascii() and number.isdigit()) or len(number) > 18:
        raise MalformedCursorError(cursor)
    return int(number)
