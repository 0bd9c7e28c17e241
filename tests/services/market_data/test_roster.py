"""Of which symbols ticks are due, by the sources of a region and the hours of their markets."""

from datetime import UTC, datetime

import pytest
from richesreach.market_data.roster import awaited, roster
from richesreach.market_data.settings import MarketSettings

SYMBOLS = "AAPL,MSFT,BTC-USD,EURUSD"
TUESDAY, SUNDAY = datetime(2026, 7, 14, 15, tzinfo=UTC), datetime(2026, 7, 12, 12, tzinfo=UTC)


def due(environment: str, when: datetime, **keys: str) -> dict[str, int]:
    own = MarketSettings.from_environment({"MARKET_SYMBOLS": SYMBOLS, **keys})
    return awaited(roster(own, environment), int(when.timestamp()) * 1_000_000_000)


@pytest.mark.parametrize(
    ("keys", "tuesday", "sunday"),
    [
        ({"POLYGON_API_KEY": "k"}, {"us-stocks": 2}, {}),
        ({"FINNHUB_API_KEY": "k"}, {"us-stocks": 2, "coins": 1, "currencies": 1}, {"coins": 1}),
        # A vendor that is asked now and then owes no tick.
        ({"COINGECKO_API_KEY": "k"}, {}, {}),
    ],
)
def test_ticks_are_due_of_open_markets_that_a_source_pushes(
    keys: dict[str, str], tuesday: dict[str, int], sunday: dict[str, int]
) -> None:
    none = {"generated": 0, "us-stocks": 0, "currencies": 0, "coins": 0}
    assert due("prod", TUESDAY, **keys) == none | tuesday
    assert due("prod", SUNDAY, **keys) == none | sunday


def test_made_up_ticks_are_due_at_any_time() -> None:
    assert due("local", SUNDAY) == {"generated": 4, "us-stocks": 0, "currencies": 0, "coins": 0}
