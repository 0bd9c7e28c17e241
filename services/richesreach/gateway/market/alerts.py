"""Alerts of a subject: tell when a symbol's price is at or beyond a threshold."""

from decimal import Decimal
from uuid import UUID, uuid4

import asyncpg

from richesreach.core.database import Connection, Database
from richesreach.gateway.market import pages
from richesreach.gateway.market.errors import InvalidError, LimitReachedError, UnknownError
from richesreach.gateway.market.model import Alert, Condition
from richesreach.gateway.market.pages import Page
from richesreach.gateway.market.requests import once
from richesreach.gateway.market.service import symbol_of
from richesreach.gateway.market.text import line

MAX_ALERTS = 200
#: Postgres keeps twelve digits before the point and eight behind it.
LARGEST, SMALLEST = Decimal(10) ** 12, Decimal("0.00000001")

_COLUMNS = "id, symbol, condition, threshold, note, active, created_at, updated_at"
_OF = f"select {_COLUMNS} from alerts where subject = $1 and id = $2"  # noqa: S608
_PAGE = f"""
    select {_COLUMNS} from alerts where subject = $1 and ($2::text is null or symbol = $2)
        and ($3::timestamptz is null or (created_at, id) > ($3, $4::uuid))
    order by created_at, id limit $5
"""  # noqa: S608
_LOCK = "select pg_advisory_xact_lock(hashtextextended('alerts:' || $1, 0))"
_COUNT = "select count(*) from alerts where subject = $1"
_INSERT = (
    "insert into alerts (id, subject, symbol, condition, threshold, note) values ($1, $2, $3, $4, $5, $6)"
)
_CHANGE = """
    update alerts set threshold = coalesce($3, threshold), note = coalesce($4, note),
        active = coalesce($5, active), updated_at = now()
    where subject = $1 and id = $2
"""
_DELETE = "delete from alerts where subject = $1 and id = $2"


class Alerts:
    """Raises DatabaseUnavailableError, and UnknownError for what the subject does not have."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, subject: str, *, symbol: str | None = None, first: int | None = None, after: str | None = None
    ) -> Page[Alert]:
        """The oldest first. Raises InvalidError, CursorError."""
        count = pages.size(first)
        wanted = None if symbol is None else symbol_of(symbol)
        at, item = pages.time_after("alert", after) or (None, None)

        async def select(connection: Connection) -> list[Alert]:
            return [_made(row) for row in await connection.fetch(_PAGE, subject, wanted, at, item, count + 1)]

        rows = await self._database.read(select)
        return pages.page(rows, count, lambda row: pages.by_time("alert", row.created_at, row.id))

    async def get(self, subject: str, alert: UUID) -> Alert:
        async def select(connection: Connection) -> Alert:
            return await _of(connection, subject, alert)

        return await self._database.read(select)

    async def create(
        self,
        subject: str,
        symbol: str,
        condition: Condition,
        threshold: Decimal,
        *,
        note: str = "",
        key: str | None = None,
    ) -> Alert:
        """Raises InvalidError, LimitReachedError, KeyReusedError."""
        symbol, note = symbol_of(symbol), line("note", note, 200, least=0)
        price = _price(threshold)
        new = uuid4()

        async def work(connection: Connection) -> Alert:
            await connection.execute(_LOCK, subject)
            if await connection.fetchval(_COUNT, subject) >= MAX_ALERTS:
                raise LimitReachedError(f"There are {MAX_ALERTS} alerts already: delete one.")
            try:
                await connection.execute(_INSERT, new, subject, symbol, condition.value, price, note)
            except asyncpg.ForeignKeyViolationError as error:
                raise UnknownError("symbol", symbol) from error
            return await _of(connection, subject, new)

        request = ["create-alert", symbol, condition, price, note]
        return await once(self._database, subject, key, request, work, Alert)

    async def change(
        self,
        subject: str,
        alert: UUID,
        *,
        threshold: Decimal | None = None,
        note: str | None = None,
        active: bool | None = None,
        key: str | None = None,
    ) -> Alert:
        """What is None stays. Raises InvalidError, KeyReusedError."""
        price = None if threshold is None else _price(threshold)
        text = None if note is None else line("note", note, 200, least=0)

        async def work(connection: Connection) -> Alert:
            await connection.execute(_CHANGE, subject, alert, price, text, active)
            return await _of(connection, subject, alert)

        request = ["change-alert", alert, price, text, active]
        return await once(self._database, subject, key, request, work, Alert)

    async def delete(self, subject: str, alert: UUID, *, key: str | None = None) -> UUID:
        """Its id. Raises UnknownError, KeyReusedError."""

        async def work(connection: Connection) -> UUID:
            if await connection.execute(_DELETE, subject, alert) != "DELETE 1":
                raise UnknownError("alert", str(alert))
            return alert

        return await once(self._database, subject, key, ["delete-alert", alert], work, UUID)


def _price(threshold: Decimal) -> Decimal:
    if not threshold.is_finite() or not SMALLEST <= threshold < LARGEST:
        raise InvalidError(f"The threshold is a price from {SMALLEST} to below {LARGEST}.")
    return threshold.quantize(SMALLEST)


async def _of(connection: Connection, subject: str, alert: UUID) -> Alert:
    row = await connection.fetchrow(_OF, subject, alert)
    if row is None:
        raise UnknownError("alert", str(alert))
    return _made(row)


def _made(row: asyncpg.Record) -> Alert:
    columns = dict(row)
    return Alert(condition=Condition(columns.pop("condition")), **columns)
