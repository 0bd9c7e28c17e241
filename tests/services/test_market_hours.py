"""When markets are open, against days that the exchange has published."""

from datetime import UTC, date, datetime, timedelta

import pytest
from richesreach.core.market_hours import Market, is_open, market_of

# Source: NYSE, "Holidays and Trading Hours".
HOLIDAYS = [
    "2022-01-17",
    "2022-02-21",
    "2022-04-15",
    "2022-05-30",
    "2022-06-20",
    "2022-07-04",
    "2022-09-05",
    "2022-11-24",
    "2022-12-26",
    "2023-01-02",
    "2023-01-16",
    "2023-02-20",
    "2023-04-07",
    "2023-05-29",
    "2023-06-19",
    "2023-07-04",
    "2023-09-04",
    "2023-11-23",
    "2023-12-25",
    "2024-01-01",
    "2024-01-15",
    "2024-02-19",
    "2024-03-29",
    "2024-05-27",
    "2024-06-19",
    "2024-07-04",
    "2024-09-02",
    "2024-11-28",
    "2024-12-25",
    "2026-01-01",
    "2026-01-19",
    "2026-02-16",
    "2026-04-03",
    "2026-05-25",
    "2026-06-19",
    "2026-07-03",
    "2026-09-07",
    "2026-11-26",
    "2026-12-25",
    "2027-01-01",
    "2027-01-18",
    "2027-02-15",
    "2027-03-26",
    "2027-05-31",
    "2027-06-18",
    "2027-07-05",
    "2027-09-06",
    "2027-11-25",
    "2027-12-24",
]
EARLY = [
    "2022-11-25",
    "2023-07-03",
    "2023-11-24",
    "2024-07-03",
    "2024-11-29",
    "2024-12-24",
    "2026-11-27",
    "2026-12-24",
    "2027-11-26",
]
YEARS = (2022, 2023, 2024, 2026, 2027)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000_000


def trades(day: date, hour: str, market: Market = "us-stocks") -> bool:
    """At an hour of UTC."""
    return is_open(market, at(f"{day}T{hour}:00+00:00"))


def test_stocks_trade_on_all_days_of_the_week_but_holidays() -> None:
    days = [date(year, 1, 1) + timedelta(n) for year in YEARS for n in range(365)]
    closed = [str(day) for day in days if day.weekday() < 5 and not trades(day, "15:00")]
    assert closed == HOLIDAYS
    assert not any(trades(day, "15:00") for day in days if day.weekday() >= 5)


def test_some_days_end_at_one() -> None:
    days = [date(year, 1, 1) + timedelta(n) for year in YEARS for n in range(365)]
    early = [str(day) for day in days if trades(day, "16:30") and not trades(day, "18:30")]
    assert early == EARLY


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        # Summer time begins on 8 March and ends on 1 November 2026.
        ("2026-03-06T14:29:59+00:00", False),
        ("2026-03-06T14:30:00+00:00", True),
        ("2026-03-06T20:59:59+00:00", True),
        ("2026-03-06T21:00:00+00:00", False),
        ("2026-03-09T13:29:59+00:00", False),
        ("2026-03-09T13:30:00+00:00", True),
        ("2026-03-09T20:00:00+00:00", False),
        ("2026-11-02T13:30:00+00:00", False),
        ("2026-11-02T14:30:00+00:00", True),
        ("2026-11-27T17:59:59+00:00", True),
        ("2026-11-27T18:00:00+00:00", False),
    ],
)
def test_the_session_is_that_of_new_york(moment: str, open_: bool) -> None:
    assert is_open("us-stocks", at(moment)) is open_


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-07-10T20:59:59+00:00", True),
        ("2026-07-10T21:00:00+00:00", False),
        ("2026-07-11T12:00:00+00:00", False),
        ("2026-07-12T20:59:59+00:00", False),
        ("2026-07-12T21:00:00+00:00", True),
        ("2026-07-15T03:00:00+00:00", True),
        ("2026-12-25T12:00:00+00:00", True),
    ],
)
def test_currencies_trade_from_sunday_to_friday(moment: str, open_: bool) -> None:
    assert is_open("currencies", at(moment)) is open_


def test_coins_trade_always() -> None:
    assert all(is_open("coins", at(f"2026-07-{day:02}T03:00:00+00:00")) for day in range(1, 32))


def test_a_symbol_tells_its_market() -> None:
    names = ["AAPL", "BRK.B", "BTC-USD", "EURUSD", "EUR/USD", "GOOGLE"]
    expected = ["us-stocks", "us-stocks", "coins", "currencies", "currencies", "us-stocks"]
    assert [market_of(name) for name in names] == expected


def test_the_clock_is_utc_s() -> None:
    assert is_open("us-stocks", int(datetime(2026, 7, 15, 14, tzinfo=UTC).timestamp() * 1e9))
