"""When the markets of our symbols trade: as far as it takes to tell a closed one from a pipeline that stands.

US stocks: the regular session of the New York Stock Exchange, its holidays and early ends (NYSE, "Holidays
and Trading Hours", rule 7.2), by rule and for any year since 2022; days of mourning cannot be known.
Currencies: from Sunday to Friday, 17:00 in New York. Coins: always. Symbols of other exchanges count as US
stocks: no source of the platform carries one.
"""

import functools
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

Market = Literal["us-stocks", "currencies", "coins"]
MARKETS: tuple[Market, ...] = ("us-stocks", "currencies", "coins")

_OPENS, _CLOSES, _CLOSES_EARLY = time(9, 30), time(16), time(13)
# When one week of currencies ends, and the next begins.
_TURN = time(17)
_MONDAY, _THURSDAY, _FRIDAY, _SATURDAY, _SUNDAY = 0, 3, 4, 5, 6
_DAY = timedelta(days=1)
_COIN = re.compile(r"[A-Z0-9]+-(USD|EUR|USDT|USDC)")
_MONEY = "AUD|CAD|CHF|CNH|EUR|GBP|HKD|JPY|NOK|NZD|SEK|SGD|USD"
_CURRENCIES = re.compile(f"({_MONEY})/?({_MONEY})")


@functools.lru_cache(maxsize=20_000)
def market_of(symbol: str) -> Market:
    if _COIN.fullmatch(symbol):
        return "coins"
    return "currencies" if _CURRENCIES.fullmatch(symbol) else "us-stocks"


def is_open(market: Market, nanoseconds: int) -> bool:
    """At a Unix time in nanoseconds."""
    if market == "coins":
        return True
    there = _new_york(nanoseconds // 1_000_000_000)
    if market == "currencies":
        if there.weekday() == _SUNDAY:
            return there.time() >= _TURN
        return there.weekday() != _SATURDAY and not (there.weekday() == _FRIDAY and there.time() >= _TURN)
    day = there.date()
    if day.weekday() >= _SATURDAY or day in _holidays(day.year):
        return False
    return _OPENS <= there.time() < (_CLOSES_EARLY if day in _early(day.year) else _CLOSES)


def _new_york(seconds: int) -> datetime:
    """Without a zone. By the rule since 2007, as an image may have no database of zones."""
    standard = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None) - timedelta(hours=5)
    begins = datetime.combine(_nth(standard.year, 3, _SUNDAY, 2), time(2))
    ends = datetime.combine(_nth(standard.year, 11, _SUNDAY, 1), time(1))
    return standard + timedelta(hours=1) if begins <= standard < ends else standard


@functools.lru_cache(maxsize=4)
def _holidays(year: int) -> frozenset[date]:
    new_year = date(year, 1, 1)
    days = {
        # On a Saturday it is not made up for: the year's books are closed on that Friday.
        new_year + _DAY if new_year.weekday() == _SUNDAY else new_year,
        _nth(year, 1, _MONDAY, 3),
        _nth(year, 2, _MONDAY, 3),
        _easter(year) - 2 * _DAY,
        _nth(year, 6, _MONDAY, 1) - 7 * _DAY,
        *(_observed(date(year, month, day)) for month, day in ((6, 19), (7, 4), (12, 25))),
        _nth(year, 9, _MONDAY, 1),
        _nth(year, 11, _THURSDAY, 4),
    }
    return frozenset(days)


@functools.lru_cache(maxsize=4)
def _early(year: int) -> frozenset[date]:
    """After Thanksgiving, and before Independence Day and Christmas where no weekend is near."""
    eves = [date(year, 7, 3), date(year, 12, 24)]
    return frozenset(
        [_nth(year, 11, _THURSDAY, 4) + _DAY, *(eve for eve in eves if eve.weekday() <= _THURSDAY)]
    )


def _observed(day: date) -> date:
    if day.weekday() == _SATURDAY:
        return day - _DAY
    return day + _DAY if day.weekday() == _SUNDAY else day


def _nth(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    return first + ((weekday - first.weekday()) % 7 + 7 * (number - 1)) * _DAY


def _easter(year: int) -> date:
    """Of the Gregorian calendar, by the "anonymous" algorithm (Meeus, Astronomical Algorithms, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (b - (b + 8) // 25 + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)
