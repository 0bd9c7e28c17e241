"""`python -m richesreach.history.backfill 2026-01-05T00 2026-01-06T00 --symbols AAPL,MSFT`: bars of the lake
into the database. From the first hour (UTC) on and before the second, by the start of the bars.

With `--from-vendor massive`, bars of a minute and of a day as the vendor tells them, into the lake and the
database, of whole days of New York; what is done is not asked for again.

What the database has already stays as it is or becomes what the lake says, so that it can be run again. Exits
2 for a wrong argument, and 1 where the lake or the database fails, with one line that says why.
"""

import argparse
import asyncio
import dataclasses
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from richesreach.core.database import Database, DatabaseUnavailableError
from richesreach.core.events.schemas import Bar
from richesreach.core.logs import logger
from richesreach.core.settings import Settings, SettingsError
from richesreach.core.startup import read_settings
from richesreach.core.vendors.errors import SourceError
from richesreach.history.bars import INTERVALS, BarStore
from richesreach.history.compact import lake_of
from richesreach.history.days import make_days
from richesreach.history.lake import parquet
from richesreach.history.lake.layouts import BARS
from richesreach.history.lake.manifests import Place, hour_of_key
from richesreach.history.lake.store import LakeUnavailableError
from richesreach.history.lake.writer import bodies
from richesreach.history.settings import HistorySettings
from richesreach.history.vendor.command import fill_from_vendor, key_of, wrong_with
from richesreach.history.vendor.massive import NAME, units

# A bar is published after its end, and the longest that the stream makes is an hour; after an outage as much
# later as its ticks were kept on their topic (a day: `streaming.topics` of the environments).
AFTER = timedelta(hours=26)
AT_ONCE = 500
# Of a longer range somebody has mistyped a year.
LONGEST = timedelta(days=366)


def hour(text: str) -> datetime:
    """Raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC)


def bars_of(place: Place, since: datetime, until: datetime, symbols: frozenset[str]) -> Iterator[list[Bar]]:
    """Bars of the table's intervals that start from `since` on and before `until`, hour by hour of the lake;
    of all symbols where none is named. Raises LakeUnavailableError.
    """
    day = since.replace(hour=0)
    while day < until + AFTER:
        for key in place.keys(day):
            manifest = place.read(key) if since <= hour_of_key(key) < until + AFTER else None
            for body in bodies(place, manifest.uris) if manifest is not None else ():
                yield parquet.bars(body, since, until, INTERVALS, symbols)
        day += timedelta(days=1)


async def fill(
    store: BarStore, place: Place, since: datetime, until: datetime, symbols: frozenset[str]
) -> tuple[int, int]:
    """How many bars were for the table, and how many of those of symbols that the market does not list.

    Raises LakeUnavailableError, DatabaseUnavailableError.
    """
    found, unknown = 0, 0
    batches = bars_of(place, since, until, symbols)
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        for start in range(0, len(batch), AT_ONCE):
            given, missing = await store.save(batch[start : start + AT_ONCE])
            found, unknown = found + given, unknown + missing
    return found, unknown


def arguments(given: list[str]) -> argparse.Namespace:
    """Exits 2 with one line for a wrong one."""
    parser = argparse.ArgumentParser(prog="python -m richesreach.history.backfill", description=__doc__)
    parser.add_argument("since", help="first hour, UTC: 2026-01-05T00")
    parser.add_argument("until", help="first hour after it")
    parser.add_argument("--symbols", default="", help="with commas; without, all that the market lists")
    parser.add_argument("--from-vendor", choices=["massive"], help="ask it, and not the lake")
    parser.add_argument("--intervals", default="1d,1m", help="of the vendor's bars, with commas")
    parser.add_argument("--per-minute", type=int, default=300, help="questions; the free plan has 5")
    parser.add_argument("--again", action="store_true", help="also what the vendor was asked for already")
    told = parser.parse_args(given)
    try:
        told.since, told.until = hour(told.since), hour(told.until)
    except ValueError:
        parser.error(f"{told.since} and {told.until} must be hours such as 2026-01-05T00")
    if not timedelta(0) < told.until - told.since <= LONGEST:
        parser.error(f"until must come after since, by at most {LONGEST.days} days")
    told.symbols = [symbol.strip() for symbol in told.symbols.split(",") if symbol.strip()]
    told.intervals = [interval.strip() for interval in told.intervals.split(",") if interval.strip()]
    if told.from_vendor:
        why = wrong_with(told.since, told.until, told.symbols, told.intervals, datetime.now(UTC))
        if why:
            parser.error(why)
        if not 1 <= told.per_minute <= 6000:
            parser.error(f"--per-minute is {told.per_minute}, and must be 1 to 6000")
    return told


async def main(told: argparse.Namespace) -> None:
    settings = read_settings()
    own = HistorySettings.from_environment(os.environ)
    if told.from_vendor:
        await _ask(told, settings)
        return
    place = Place(lake_of(settings), BARS, settings.region)
    database = Database(settings)
    await database.open()
    try:
        found, unknown = await fill(
            BarStore(database, own.source), place, told.since, told.until, frozenset(told.symbols)
        )
        # The nightly task looks a few days back.
        last = (told.until - timedelta(hours=1)).date()
        over = min(last + timedelta(days=1), datetime.now(UTC).date())
        days = await make_days(database, told.since.date(), over, own.source)
    finally:
        await database.close()
    logger().info("backfilled", bars=found - unknown, unknown=unknown, days=days, region=settings.region)


async def _ask(told: argparse.Namespace, settings: Settings) -> None:
    first, last = told.since.date(), (told.until - timedelta(days=1)).date()
    wanted = [unit for interval in told.intervals for unit in units(told.symbols, interval, first, last)]
    key, lake = key_of(os.environ), lake_of(settings)
    outcome = await fill_from_vendor(
        settings, lake, key, wanted, per_minute=told.per_minute, again=told.again
    )
    logger().info("backfilled", **dataclasses.asdict(outcome), vendor=NAME, region=settings.region)


if __name__ == "__main__":
    wanted = arguments(sys.argv[1:])
    try:
        asyncio.run(main(wanted))
    except SettingsError as error:
        logger().error("settings_wrong", problems=error.problems)
        sys.exit(1)
    except (LakeUnavailableError, DatabaseUnavailableError, SourceError) as error:
        logger().error("backfill_failed", error=str(error))
        sys.exit(1)
