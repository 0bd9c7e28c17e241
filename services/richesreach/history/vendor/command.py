"""What `history.backfill --from-vendor` runs: the vendor's key, what it may be asked for, and the filling."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from richesreach.core.database import Database
from richesreach.core.endpoints import Secret
from richesreach.core.environment_reader import Reader
from richesreach.core.market_hours import market_of
from richesreach.core.settings import Settings, SettingsError
from richesreach.core.vendors.http import VendorHttp
from richesreach.history.bars import BarStore
from richesreach.history.lake.store import LakeStore
from richesreach.history.vendor.filling import Filling, Outcome
from richesreach.history.vendor.massive import BEHIND, NAME, REST, SPANS, MassiveBars, Unit

SECRET, VARIABLE = "SECRET_MARKET_PROVIDERS", "POLYGON_API_KEY"
_KEY = re.compile(r"[\x21-\x7e]{1,4096}")
# As Massive writes tickers: BRK.B.
_STOCK = re.compile(r"[A-Z][A-Z0-9]{0,9}(\.[A-Z]{1,3})?")


class _Entry(msgspec.Struct):
    key: str = ""


def key_of(environ: Mapping[str, str]) -> Secret:
    """The vendor's key, as market-data has it. Raises SettingsError, which never shows it."""
    read = Reader(environ)
    try:
        given = msgspec.json.decode(read.text(SECRET, default="{}"), type=dict[str, _Entry])
    except msgspec.DecodeError as error:
        raise SettingsError([f"{SECRET} is not what it should be: {error}"]) from None
    key = given[NAME].key if NAME in given else read.text(VARIABLE, default="")
    if not key:
        raise SettingsError(
            [f"there is no key of {NAME}: put it into the secret market/providers, or set {VARIABLE}"]
        )
    if _KEY.fullmatch(key) is None:
        raise SettingsError([f"the key of {NAME} holds something that no header can"])
    return Secret(key)


def wrong_with(
    since: datetime, until: datetime, symbols: Sequence[str], intervals: Sequence[str], now: datetime
) -> str:
    """Why that cannot be asked for; empty where it can."""
    unknown = sorted(set(intervals) - set(SPANS))
    if unknown or not intervals:
        return f"{NAME} is asked for intervals {' and '.join(SPANS)}, not {','.join(unknown) or 'none'}"
    if not symbols:
        return f"{NAME} is asked symbol by symbol: name them with --symbols"
    others = [each for each in symbols if market_of(each) != "us-stocks" or not _STOCK.fullmatch(each)]
    if others:
        return f"{NAME} has US stocks alone, and {others[0][:40]} is none"
    if since.hour or until.hour:
        return f"{NAME} is asked for whole days (of New York): end both hours with T00"
    if until.date() > (now - BEHIND).date():
        return f"{until:%Y-%m-%d} is after today in New York: bars are taken of days that are over"
    return ""


async def fill_from_vendor(
    settings: Settings,
    lake: LakeStore,
    key: Secret,
    wanted: Sequence[Unit],
    *,
    per_minute: int,
    again: bool = False,
) -> Outcome:
    """Raises SourceError, LakeUnavailableError, DatabaseUnavailableError."""
    database = Database(settings)
    await database.open()
    try:
        async with VendorHttp(NAME) as http:
            vendor = MassiveBars(http, key.reveal(), per_minute, REST)
            bars = BarStore(database, NAME, overrules=True)
            return await Filling(vendor, bars, lake, settings.region, again=again).run(wanted)
    finally:
        await database.close()
