"""Bars of a day, which the stream does not make: of those of five minutes, once the day is over."""

from datetime import UTC, date, datetime, time, timedelta

from richesreach.core.database import Connection, Database

# What a vendor's backfill wrote stays.
MAKE = """
    insert into market_bars as kept (symbol, interval, opened_at, open, high, low, close, volume, source)
    select symbol, '1d', date_bin('1 day', opened_at, 'epoch'), (array_agg(open order by opened_at))[1],
        max(high), min(low), (array_agg(close order by opened_at desc))[1], sum(volume), $3
    from market_bars where interval = '5m' and opened_at >= $1 and opened_at < $2
    group by symbol, date_bin('1 day', opened_at, 'epoch')
    on conflict (symbol, interval, opened_at) do update set open = excluded.open, high = excluded.high,
        low = excluded.low, close = excluded.close, volume = excluded.volume
    where kept.source = excluded.source
        and (kept.open, kept.high, kept.low, kept.close, kept.volume)
        is distinct from (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume)
    returning 1
"""
# What is made again each night: a day stays without its bar where as many nights in a row fail.
AGAIN = timedelta(days=7)
# A statement's, so that a year's bars are not sorted at once.
AT_ONCE = timedelta(days=31)
PATIENCE = 300.0


async def make_days(database: Database, since: date, until: date, source: str) -> int:
    """How many bars of the days (UTC) from `since` on and before `until`, which are over, are new or another.

    Raises DatabaseUnavailableError.
    """
    made = 0
    while since < until:
        after = min(since + AT_ONCE, until)
        made += await _made(database, since, after, source)
        since = after
    return made


async def _made(database: Database, since: date, until: date, source: str) -> int:
    first, after = (datetime.combine(day, time(), UTC) for day in (since, until))

    async def work(connection: Connection) -> int:
        return len(await connection.fetch(MAKE, first, after, source, timeout=PATIENCE))

    return await database.writer.run(work)
