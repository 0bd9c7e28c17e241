"""`python -m richesreach.history.partitions`: make the table of bars ready for the next months, drop the
oldest, and make the bars of the days that are over. Run by a schedule in the writer's region; what is done
already is left as it is.
"""

import asyncio
import os
from datetime import UTC, date, datetime, time

import asyncpg

from richesreach.core.database import Connection, Database, DatabaseUnavailableError
from richesreach.core.logs import logger
from richesreach.core.startup import read_settings, run_task
from richesreach.history.days import AGAIN, make_days
from richesreach.history.settings import HistorySettings

# A month's rows that came before its partition go with it. Until it is there nobody writes into the default
# one, which would stop the attach; that is read meanwhile. The parent is first, as with all who go by it.
MAKE = """
    lock table only market_bars in share update exclusive mode;
    lock table market_bars_default in share row exclusive mode;
    create table {name} (like market_bars including all);
    with moved as (
        delete from market_bars_default where opened_at >= '{first}' and opened_at < '{after}' returning *
    ) insert into {name} select * from moved;
    alter table market_bars attach partition {name} for values from ('{first}') to ('{after}');
"""
PARTITIONS = """
    select child.relname as name from pg_inherits
    join pg_class child on child.oid = inhrelid
    where inhparent = 'market_bars'::regclass and child.relname ~ '^market_bars_[0-9]{6}$'
"""
# Months of the default partition that are to be partitions: as of a vendor's backfill.
LATE = """
    select distinct date_trunc('month', opened_at at time zone 'UTC')::date as first from market_bars_default
    where opened_at >= $1 and opened_at < $2
"""
FORGET = "delete from market_bars_default where opened_at < $1"
# Longer than a statement of a request may take: moving rows is no request.
PATIENCE = 300.0
ALONE = "select pg_advisory_xact_lock(hashtext('market_bars_partitions'))"
# Readers queue behind a lock that is waited for: not for as long as a request may take. Nor for less than the
# second after which an autovacuum makes way.
SOON = "set local lock_timeout = '1500ms';"
BUSY = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)
PAUSES = (5.0, 10.0, 20.0)


async def tend(database: Database, today: date, *, ahead: int, kept: int) -> tuple[list[str], list[str]]:
    """Names of the partitions that were made, and of those dropped.

    Raises DatabaseUnavailableError, one of BUSY: the next run does the rest.

    There are those of the month of `today` and the next `ahead`, and of those of the last `kept` months
    before it that have bars. What is older goes, with a partition or without one.
    """
    this = today.replace(day=1)
    oldest = plus(this, -kept)

    async def work(connection: Connection) -> tuple[list[str], list[str]]:
        await connection.execute(FORGET, begin(oldest), timeout=PATIENCE)
        late = await connection.fetch(LATE, begin(oldest), begin(this), timeout=PATIENCE)
        coming = [plus(this, months) for months in range(ahead + 1)]
        made = [
            _name(first)
            for first in (*coming, *sorted(row["first"] for row in late))
            if await _changed(connection, _name(first), _made(first), there=False)
        ]
        dropped = [
            name
            for name in sorted(await _names(connection))
            if name < _name(oldest) and await _changed(connection, name, f"drop table {name}", there=True)
        ]
        return made, dropped

    return await database.writer.run(work)


async def _changed(connection: Connection, name: str, statement: str, *, there: bool) -> bool:
    """Whether the statement was done: it is not where another run was first, and `there` is not so any more.

    Raises one of BUSY where somebody holds a table for as long as all the tries.
    """
    waits = iter(PAUSES)
    while True:
        try:
            async with connection.transaction():
                await connection.execute(ALONE, timeout=PATIENCE)
                due = (name in await _names(connection)) is there
                if due:
                    await connection.execute(SOON + statement, timeout=PATIENCE)
        except BUSY:
            if (wait := next(waits, None)) is None:
                raise
            await asyncio.sleep(wait)
        else:
            return due


async def _names(connection: Connection) -> set[str]:
    return {row["name"] for row in await connection.fetch(PARTITIONS)}


def plus(first: date, months: int) -> date:
    """The first day of the month that is so many months later."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)


def begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _name(first: date) -> str:
    return f"market_bars_{first:%Y%m}"


def _made(first: date) -> str:
    return MAKE.format(name=_name(first), first=f"{first} 00:00+00", after=f"{plus(first, 1)} 00:00+00")


async def main() -> None:
    settings = read_settings()
    own = HistorySettings.from_environment(os.environ)
    database = Database(settings)
    await database.open()
    try:
        today = datetime.now(UTC).date()
        try:
            made, dropped = await tend(database, today, ahead=own.months_ahead, kept=own.months_kept)
        finally:
            days = await make_days(database, today - AGAIN, today, own.source)
    finally:
        await database.close()
    logger().info("partitions_tended", made=made, dropped=dropped, days=days)


if __name__ == "__main__":
    run_task("partitions", lambda: asyncio.run(main()), expected=(DatabaseUnavailableError, *BUSY))
