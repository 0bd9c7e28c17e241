"""Bars that the database does not have, made of the smaller ones that it has.

The stream says a bar once it is over, and none of a quarter of an hour or of a day: what goes on now, and
what nobody has written, is the sum of its parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from richesreach.core.database import Connection

EPOCH, NEVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

# $1 symbols, $2 interval, $3 its length, $4 the interval of the parts, $5 the earliest beginning, $6 before
# which parts begin, $7 how many parts of a symbol, null for all; $8 how long one is.
_MADE = """
    select made.* from unnest($1::text[]) as wanted (symbol) cross join lateral (
        select symbol, $2::text as interval, date_bin($3, opened_at, 'epoch') as opened_at,
            (array_agg(open order by opened_at))[1] as open, max(high) as high, min(low) as low,
            (array_agg(close order by opened_at desc))[1] as close, sum(volume) as volume,
            max(source) as source, max(opened_at) + $8 as known_until,
            date_bin($3, opened_at, 'epoch') + $3 <= (
                select max(opened_at) from market_bars newest
                where newest.symbol = wanted.symbol and newest.interval = $4
            ) as over
        from (
            select * from market_bars
            where market_bars.symbol = wanted.symbol and interval = $4 and opened_at >= greatest($5, (
                select max(opened_at) + $3 from market_bars whole
                where whole.symbol = wanted.symbol and whole.interval = $2 and whole.opened_at >= $5
            )) and opened_at < $6
            order by opened_at desc limit $7
        ) parts
        group by symbol, date_bin($3, opened_at, 'epoch')
    ) made
    order by symbol, opened_at desc
"""


@dataclass(frozen=True, slots=True)
class Parts:
    """Of what a bar of `length` is made: bars of `interval`, which is `part` long. The `newest` so many may
    not be written; None: nobody writes any.
    """

    interval: str
    part: timedelta
    length: timedelta
    newest: int | None

    def since(self, now: datetime) -> datetime:
        """The beginning of the earliest bar that may not be written: of none is a part left out."""
        return EPOCH + ((now - EPOCH) // self.length - (self.newest or 0) + 1) * self.length

    def first_from(self, time: datetime) -> datetime:
        """The first beginning of a bar that is not before it."""
        return EPOCH - (EPOCH - min(time, NEVER)) // self.length * self.length


_MINUTE, _FIVE = timedelta(minutes=1), timedelta(minutes=5)
#: Bars of a minute have no parts.
PARTS = {
    "5m": Parts("1m", _MINUTE, _FIVE, 3),
    "15m": Parts("5m", _FIVE, timedelta(minutes=15), None),
    "1h": Parts("1m", _MINUTE, timedelta(hours=1), 3),
    "1d": Parts("5m", _FIVE, timedelta(days=1), 3),
}


async def made_bars(
    connection: Connection,
    symbols: Sequence[str],
    interval: str,
    now: datetime,
    most: int,
    since: datetime = EPOCH,
    until: datetime = NEVER,
) -> list[asyncpg.Record]:
    """Those that nobody has written, opened from `since` on and before `until`: by symbol the newest first,
    of which `most` are whole. Columns as of `market_bars`; `known_until`, the end of the newest part, and
    `over`: no more parts come, as there is one after them.
    """
    if (parts := PARTS.get(interval)) is None:
        return []
    # The earliest of so many parts may be cut.
    count = (most + 1) * (parts.length // parts.part) if parts.newest is None else None
    since, until = parts.first_from(since), parts.first_from(until)
    if parts.newest is not None:
        since = max(since, parts.since(now))
    of = (interval, parts.length, parts.interval, since, until, count, parts.part)
    rows: list[asyncpg.Record] = await connection.fetch(_MADE, [*symbols], *of)
    return rows
