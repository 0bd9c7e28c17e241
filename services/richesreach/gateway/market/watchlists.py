"""Watchlists of a subject: nobody sees another's."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from richesreach.core.database import Connection, Database
from richesreach.gateway.market import pages
from richesreach.gateway.market.errors import ConflictError, InvalidError, LimitReachedError, UnknownError
from richesreach.gateway.market.model import Watchlist
from richesreach.gateway.market.pages import Page
from richesreach.gateway.market.requests import once
from richesreach.gateway.market.service import symbol_of
from richesreach.gateway.market.text import line

MAX_WATCHLISTS, MAX_SYMBOLS = 50, 100

_LIST = """
    select id, name, created_at, updated_at, array(
        select symbol from watchlist_items where watchlist_id = watchlists.id order by position, symbol
    ) as symbols from watchlists
"""
_OF = f"{_LIST} where subject = $1 and id = $2"
_PAGE = f"""
    {_LIST} where subject = $1 and ($2::timestamptz is null or (created_at, id) > ($2, $3::uuid))
    order by created_at, id limit $4
"""
# One writer of a subject at a time, so that its limit holds.
_LOCK = "select pg_advisory_xact_lock(hashtextextended('watchlists:' || $1, 0))"
_COUNT = "select count(*) from watchlists where subject = $1"
_INSERT = "insert into watchlists (id, subject, name) values ($1, $2, $3)"
_RENAME = "update watchlists set name = $3, updated_at = now() where subject = $1 and id = $2"
_TOUCH = "update watchlists set updated_at = now() where subject = $1 and id = $2"
_DELETE = "delete from watchlists where subject = $1 and id = $2"
_EMPTY = "delete from watchlist_items where watchlist_id = $1"
_FILL = """
    insert into watchlist_items (watchlist_id, symbol, position)
    select $1, symbol, position from unnest($2::text[]) with ordinality as given (symbol, position)
"""


class Watchlists:
    """Raises DatabaseUnavailableError, and UnknownError for what the subject does not have."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, subject: str, *, first: int | None = None, after: str | None = None
    ) -> Page[Watchlist]:
        """The oldest first. Raises InvalidError, CursorError."""
        count = pages.size(first)
        at, item = pages.time_after("watchlist", after) or (None, None)

        async def select(connection: Connection) -> list[Watchlist]:
            return [_made(row) for row in await connection.fetch(_PAGE, subject, at, item, count + 1)]

        rows = await self._database.read(select)
        return pages.page(rows, count, lambda row: pages.by_time("watchlist", row.created_at, row.id))

    async def get(self, subject: str, watchlist: UUID) -> Watchlist:
        async def select(connection: Connection) -> Watchlist:
            return await _of(connection, subject, watchlist)

        return await self._database.read(select)

    async def create(
        self, subject: str, name: str, symbols: Sequence[str], *, key: str | None = None
    ) -> Watchlist:
        """Raises InvalidError, ConflictError for a name that is taken, LimitReachedError, KeyReusedError."""
        name, symbols = line("name", name, 80), _checked(symbols)
        new = uuid4()

        async def work(connection: Connection) -> Watchlist:
            await connection.execute(_LOCK, subject)
            if await connection.fetchval(_COUNT, subject) >= MAX_WATCHLISTS:
                raise LimitReachedError(f"There are {MAX_WATCHLISTS} watchlists already: delete one.")
            await _named(connection.execute(_INSERT, new, subject, name), name)
            await _fill(connection, new, symbols)
            return await _of(connection, subject, new)

        request = ["create-watchlist", name, symbols]
        return await once(self._database, subject, key, request, work, Watchlist)

    async def change(
        self,
        subject: str,
        watchlist: UUID,
        *,
        name: str | None = None,
        symbols: Sequence[str] | None = None,
        key: str | None = None,
    ) -> Watchlist:
        """Another name, other symbols, or both. Raises as `create`."""
        new_name = None if name is None else line("name", name, 80)
        new_symbols = None if symbols is None else _checked(symbols)

        async def work(connection: Connection) -> Watchlist:
            before = await _of(connection, subject, watchlist)
            if new_name is not None and new_name != before.name:
                await _named(connection.execute(_RENAME, subject, watchlist, new_name), new_name)
            if new_symbols is not None:
                await connection.execute(_TOUCH, subject, watchlist)
                await connection.execute(_EMPTY, watchlist)
                await _fill(connection, watchlist, new_symbols)
            return await _of(connection, subject, watchlist)

        request = ["change-watchlist", watchlist, new_name, new_symbols]
        return await once(self._database, subject, key, request, work, Watchlist)

    async def delete(self, subject: str, watchlist: UUID, *, key: str | None = None) -> UUID:
        """Its id. Raises UnknownError, KeyReusedError."""

        async def work(connection: Connection) -> UUID:
            if await connection.execute(_DELETE, subject, watchlist) != "DELETE 1":
                raise UnknownError("watchlist", str(watchlist))
            return watchlist

        return await once(self._database, subject, key, ["delete-watchlist", watchlist], work, UUID)


def _checked(symbols: Sequence[str]) -> list[str]:
    found = [*dict.fromkeys(symbol_of(symbol) for symbol in symbols)]
    if len(found) > MAX_SYMBOLS:
        raise InvalidError(f"A watchlist has at most {MAX_SYMBOLS} symbols, not {len(found)}.")
    return found


async def _of(connection: Connection, subject: str, watchlist: UUID) -> Watchlist:
    row = await connection.fetchrow(_OF, subject, watchlist)
    if row is None:
        raise UnknownError("watchlist", str(watchlist))
    return _made(row)


async def _fill(connection: Connection, watchlist: UUID, symbols: Sequence[str]) -> None:
    try:
        await connection.execute(_FILL, watchlist, [*symbols])
    except asyncpg.ForeignKeyViolationError as error:
        known = _missing(error, symbols)
        raise UnknownError("symbol", known) from error


def _missing(error: asyncpg.ForeignKeyViolationError, symbols: Sequence[str]) -> str:
    """The symbol that the database names in `Key (symbol)=(XYZ) is not present`."""
    detail = error.detail or ""
    return next((symbol for symbol in symbols if f"({symbol})" in detail), ", ".join(symbols))


async def _named(doing: Any, name: str) -> None:
    try:
        await doing
    except asyncpg.UniqueViolationError as error:
        raise ConflictError(f"There is a watchlist {name!r} already: take another name.") from error


def _made(row: asyncpg.Record) -> Watchlist:
    columns = dict(row)
    return Watchlist(symbols=tuple(columns.pop("symbols")), **columns)
