"""Rows of the views in Postgres, joined to entities as of a time: never with a value from after it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import asyncpg
import numpy as np

from richesreach.core.database import Connection, Database
from richesreach.core.vectors import Floats, Integers, canonical
from richesreach.features.moments import SECOND, not_before
from richesreach.features.selection import Selection
from richesreach.features.views import BY_NAME, VIEW_OF, VIEWS, View

# Rows sent to the writer in one command, each of which has a time-out of its own.
_AT_ONCE = 500
DAY = 86_400 * SECOND

# All that is made of names here is the views' own.
_INSERT = """
    insert into {view} ({entity}, event_time, event_timestamp, vector_hash, {columns})
    values ({places}) on conflict ({entity}, event_time) do nothing
"""
_AS_OF = """
    select asked.place, found.* from unnest($1::text[], $2::bigint[]) with ordinality
        as asked (entity, at, place)
    cross join lateral (
        select event_time, {columns} from {view}
        where {entity} = asked.entity and event_time <= asked.at and event_time > asked.at - $3::bigint
        order by event_time desc limit 1
    ) found
"""
_NEWEST = """
    select wanted.entity, found.* from unnest($1::text[]) as wanted (entity) cross join lateral (
        select event_time, vector_hash, {columns} from {view} where {entity} = wanted.entity
        order by event_time desc limit 1
    ) found
"""
_BETWEEN = """
    select {entity} as entity, event_time, vector_hash, {columns} from {view}
    where event_time >= $1 and event_time < $2 order by {entity}, event_time
"""
_SYMBOLS = "select symbol from market_symbols order by symbol limit $1"


@dataclass(frozen=True, slots=True)
class Row:
    """One entity's values at one event time (Unix nanoseconds), in the order of the view's names."""

    entity: str
    time: int
    hash: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Joined:
    """`times` is the event time of the oldest value of a row, -1 where there is none."""

    times: Integers  # (n)
    values: Floats  # (n, names)


class OfflineStore:
    """Raises DatabaseUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, view: View, rows: Iterable[Row]) -> None:
        """What is there already stays as it is: an entity has one row for an event time."""
        kept = [
            (row.entity, row.time, not_before(row.time), row.hash, *map(_null, row.values)) for row in rows
        ]
        places = ", ".join(f"${number}" for number in range(1, 5 + len(view.names)))
        statement = _INSERT.format(
            view=view.name, entity=view.entity, columns=", ".join(view.names), places=places
        )

        async def write(connection: Connection) -> None:
            async with connection.transaction():
                for start in range(0, len(kept), _AT_ONCE):
                    await connection.executemany(statement, kept[start : start + _AT_ONCE])

        await self._database.write(write)

    async def as_of(self, wanted: Selection, entities: Sequence[str], times: Sequence[int]) -> Joined:
        """For each pair the newest values at or before its time (Unix nanoseconds), none beyond its ttl."""
        number = len(entities)
        values = np.full((number, len(wanted.names)), np.nan)
        oldest = np.full(number, np.iinfo(np.int64).max)
        for view, columns in by_view(wanted.names).items():
            statement = _AS_OF.format(
                view=view.name, entity=view.entity, columns=", ".join(wanted.names[each] for each in columns)
            )
            for row in await self._rows(statement, [*entities], [*times], view.ttl * SECOND):
                place, at, *found = row.values()
                values[place - 1, columns] = [np.nan if value is None else value for value in found]
                oldest[place - 1] = min(oldest[place - 1], at)
        oldest[oldest == np.iinfo(np.int64).max] = -1
        return Joined(oldest, values)

    async def newest(self, view: View, entities: Sequence[str], *, written: bool = False) -> dict[str, Row]:
        """The newest row of each of them that has one; `written`: of the writer."""
        statement = _NEWEST.format(view=view.name, entity=view.entity, columns=", ".join(view.names))
        found = {}
        for row in await self._rows(statement, [*entities], written=written):
            entity, at, digest, *values = row.values()
            found[entity] = Row(entity, at, digest, [np.nan if one is None else one for one in values])
        return found

    async def between(self, view: View, begin: int, until: int) -> list[Row]:
        """All rows from a time on and before another (Unix nanoseconds), by entity and time."""
        statement = _BETWEEN.format(view=view.name, entity=view.entity, columns=", ".join(view.names))
        found = []
        for row in await self._rows(statement, begin, until):
            entity, at, digest, *values = row.values()
            found.append(Row(entity, at, digest, [np.nan if one is None else one for one in values]))
        return found

    async def symbols(self, most: int) -> list[str]:
        """Those that the platform knows: the gateway's table; none before it is made."""
        try:
            return [row["symbol"] for row in await self._rows(_SYMBOLS, most)]
        except asyncpg.UndefinedTableError:
            return []

    async def make_partitions(self, days: Iterable[date]) -> None:
        """For each of the days, of the live views."""
        wanted = [(view.name, day) for day in days for view in VIEWS if view.live]

        async def make(connection: Connection) -> None:
            await connection.executemany("select feature_partition($1, $2)", wanted)

        await self._database.write(make)

    async def drop_partitions(self, before: date) -> list[str]:
        """Drop the days of the live views that ended before; their names."""
        last = f"_{before:%Y%m%d}"

        async def drop(connection: Connection) -> list[str]:
            dropped = []
            for view in (view.name for view in VIEWS if view.live):
                statement = (
                    "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
                    " where i.inhparent = $1::regclass and c.relname ~ '_[0-9]{8}$' and c.relname < $2"
                )
                for row in await connection.fetch(statement, view, view + last):
                    await connection.execute(f'drop table if exists "{row["relname"]}"')
                    dropped.append(row["relname"])
            return dropped

        return await self._database.write(drop)

    async def _rows(self, statement: str, *arguments: object, written: bool = False) -> list[asyncpg.Record]:
        async def select(connection: Connection) -> list[asyncpg.Record]:
            return await connection.fetch(statement, *arguments)

        return await (self._database.writer.run(select) if written else self._database.read(select))


def rows_of(view: View, entities: Sequence[str], times: Integers, values: Floats) -> list[Row]:
    """Rows of a view out of whole vectors of its layout."""
    columns = [view.layout.names.index(name) for name in view.names]
    exact = canonical(values)
    return [
        Row(
            entity,
            int(times[place]),
            view.layout.skew_hash(entity, int(times[place]), exact[place]),
            exact[place, columns].tolist(),
        )
        for place, entity in enumerate(entities)
    ]


def days_from(now: int, number: int) -> list[date]:
    """So many days (UTC), beginning with that of a time in Unix nanoseconds."""
    first = datetime.fromtimestamp(now // SECOND, UTC).date()
    return [first + timedelta(days=day) for day in range(number)]


def by_view(names: Sequence[str]) -> dict[View, list[int]]:
    """Places of the names, by view."""
    found: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        found.setdefault(VIEW_OF[name].name, []).append(place)
    return {BY_NAME[name]: places for name, places in found.items()}


def _null(value: float) -> float | None:
    return None if math.isnan(value) else value
