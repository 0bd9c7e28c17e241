"""Massive's bars of a minute or a day, as they were traded: not adjusted for splits, as the stream's are.

`GET /v2/aggs/ticker/{symbol}/range/1/{minute|day}/{from}/{to}`, with the dates of New York
(https://massive.com/docs/rest/stocks/aggregates/custom-bars): `results` of `t` (Unix milliseconds of the
start), `o`, `h`, `l`, `c`, `v` units, `vw` their average price and `n` trades, page by page at `next_url`. A
minute without a trade has none.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal

import msgspec
from yarl import URL

from richesreach.core.events.schemas import Bar
from richesreach.core.limits.gcra import Tier
from richesreach.core.vendors.errors import (
    SourceError,
    SourceLostError,
    SourceRefusedError,
    SourceThrottledError,
)
from richesreach.core.vendors.http import VendorHttp
from richesreach.core.vendors.pace import Backoff, Pace, Sleep
from richesreach.history.bars import UnfitBarError, fitting

Interval = Literal["1m", "1d"]
NAME, LICENCE = "massive", "massive: as subscribed, no redistribution"
# What the lake and the keys call it, which was its name before.
SOURCE = "polygon"
REST = URL("https://api.massive.com")
SPANS: dict[Interval, str] = {"1m": "minute", "1d": "day"}
LENGTHS: dict[Interval, timedelta] = {"1m": timedelta(minutes=1), "1d": timedelta(days=1)}
# Bars in one answer, and answers to one question; tries of one that failed.
PAGE, MOST_PAGES, TRIES = 50_000, 50, 6
# New York is four or five hours behind UTC, and trades from its 04:00 to its 20:00.
BEHIND = timedelta(hours=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = Decimal("1E-8")


class Given(msgspec.Struct):
    """One bar as it comes. Numbers are taken as they are written."""

    t: int
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 (their name)
    c: Decimal
    v: Decimal
    vw: Decimal | None = None
    n: int | None = None


class _Page(msgspec.Struct):
    results: list[msgspec.Raw] = []
    next_url: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A bar, how many trades it has where that is told, and the day in New York that it belongs to."""

    bar: Bar
    trades: int | None
    day: date


@dataclass(frozen=True, slots=True)
class Unit:
    """What is asked for at once: one symbol's bars of the days from `first` to `last`."""

    symbol: str
    interval: Interval
    first: date
    last: date


class MassiveBars:
    """Asks at most `per_minute` times a minute; use it within its connection, `http`."""

    def __init__(
        self, http: VendorHttp, key: str, per_minute: int, rest: URL = REST, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._http, self._rest, self._sleep = http, rest, sleep
        self._headers = {"authorization": f"Bearer {key}"}
        self._pace = Pace(Tier(NAME, per_minute, 60, 1))

    async def of(self, unit: Unit) -> tuple[list[Told], list[str]]:
        """The bars of a unit in the order of time, and what is wrong with those that are none.

        Raises SourceError once it has been asked TRIES times.
        """
        found: dict[int, Told] = {}
        wrong = []
        async for raw in self._results(unit):
            try:
                told = understood(raw, unit)
            except (msgspec.DecodeError, UnfitBarError) as error:
                wrong.append(f"{bytes(raw)[:100]!r}: {error}"[:300])
            else:
                if found.setdefault(told.bar.start, told) is not told:
                    wrong.append(f"{bytes(raw)[:100]!r}: there is one of this time already")
        return [found[start] for start in sorted(found)], wrong

    async def _results(self, unit: Unit) -> AsyncIterator[msgspec.Raw]:
        span = SPANS[unit.interval]
        path = f"v2/aggs/ticker/{unit.symbol}/range/1/{span}/{unit.first}/{unit.last}"
        url = (self._rest / path).with_query({"adjusted": "false", "sort": "asc", "limit": str(PAGE)})
        for _ in range(MOST_PAGES):
            page = await self._page(url)
            for raw in page.results:
                yield raw
            if not page.next_url:
                return
            url = self._next(page.next_url)
        raise SourceLostError(f"{NAME} has more than {MOST_PAGES} pages of {unit.symbol}")

    async def _page(self, url: URL) -> _Page:
        """Asks again after what may pass."""
        backoff = Backoff(first=1.0, longest=60.0)
        for _ in range(TRIES - 1):
            try:
                return await self._once(url)
            except SourceRefusedError:
                raise
            except SourceError as error:
                asked = error.retry_after if isinstance(error, SourceThrottledError) else 0.0
                await self._sleep(backoff.next(asked))
        return await self._once(url)

    async def _once(self, url: URL) -> _Page:
        await self._pace.turn()
        body = await self._http.get(url, headers=self._headers)
        try:
            return msgspec.json.decode(body, type=_Page)
        except msgspec.DecodeError:
            raise SourceLostError(f"{NAME} answers with what nobody understands") from None

    def _next(self, address: str) -> URL:
        """Raises SourceLostError for one that is elsewhere: it would get our key."""
        try:
            url = URL(address)
        except ValueError:
            url = URL()
        if not url.absolute or url.origin() != self._rest.origin():
            raise SourceLostError(f"{NAME} names a next page that is not its own")
        return url


def understood(raw: bytes | msgspec.Raw, unit: Unit) -> Told:
    """Raises UnfitBarError, msgspec.DecodeError."""
    given = msgspec.json.decode(raw, type=Given)
    if not 0 < given.t < 4_000_000_000_000:
        raise UnfitBarError(f"time {given.t} is in another unit or century")
    at, length = _EPOCH + timedelta(milliseconds=given.t), LENGTHS[unit.interval]
    day = (at - BEHIND).date() if unit.interval == "1m" else at.date()
    if not unit.first <= day <= unit.last:
        raise UnfitBarError(f"{at:%Y-%m-%dT%H:%M} is of a day that was not asked for")
    if unit.interval == "1d":
        # It begins at midnight in New York; days of ours are those of UTC.
        at = datetime(at.year, at.month, at.day, tzinfo=UTC)
    elif (at - _EPOCH) % length:
        raise UnfitBarError(f"{at:%H:%M:%S} is no beginning of a minute")
    start = (at - _EPOCH) // timedelta(microseconds=1) * 1000
    bar = Bar(
        symbol=unit.symbol,
        interval=unit.interval,
        start=start,
        end=start + length // timedelta(microseconds=1) * 1000,
        open=_price("open", given.o),
        high=_price("high", given.h),
        low=_price("low", given.l),
        close=_price("close", given.c),
        volume=_number("volume", given.v),
        ticks=max(0, given.n or 0),
        vwap=None if given.vw is None else _price("vw", given.vw),
    )
    return Told(fitting(bar), given.n, day)


def units(symbols: Sequence[str], interval: Interval, first: date, last: date) -> list[Unit]:
    """Month by month, so that one answer holds a unit's minutes, and a kill costs no more than that."""
    found, begin = [], first
    while begin <= last:
        following = date(begin.year + begin.month // 12, begin.month % 12 + 1, 1)
        found.append((begin, min(last, following - timedelta(days=1))))
        begin = following
    return [Unit(symbol, interval, *days) for symbol in symbols for days in found]


def _price(name: str, value: Decimal) -> Decimal:
    found = _number(name, value)
    if found <= 0:
        raise UnfitBarError(f"{name} {str(value)[:40]} is not above zero")
    return found


def _number(name: str, value: Decimal) -> Decimal:
    """To eight places. Raises UnfitBarError."""
    if not value.is_finite() or value.adjusted() > 15:
        raise UnfitBarError(f"{name} {str(value)[:40]} is too large, or no number")
    return value.quantize(_STEP) if value.as_tuple().exponent not in range(-8, 16) else value
