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
# Days that are made again each night: what a backfill brought of them is counted.
AGAIN = 3
PATIENCE = 300.0


async def make_days(database: Database, today: date, source: str) -> int:
    """How many bars of the last days before `today` (UTC) are new or another.

    Raises DatabaseUnavailableError.
    """
    after = datetime.combine(today, time(), UTC)

    async def work(connection: Connection) -> int:
        made = await connection.fetch(MAKE, after - timedelta(days=AGAIN), after, source, timeout=PATIENCE)
        return len(made)

    return await database.writer.run(work)
