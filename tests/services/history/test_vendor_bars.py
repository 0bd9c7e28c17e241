"""A vendor is asked for bars within its limits, and nothing that is no bar is taken from it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from massive_played import DAY, KEY, MINUTES, OPEN, Vendor, asking, bar, page
from richesreach.core.vendors.errors import SourceLostError, SourceRefusedError
from richesreach.history.vendor.massive import TRIES, Unit, units


async def test_bars_are_asked_for_as_traded_page_by_page() -> None:
    vendor = Vendor(page(bar(0)), page(bar(1)))
    async with asking(vendor) as bars:
        vendor.answers[0][1]["next_url"] = f"{vendor.url}/v2/aggs/next?cursor=abc"
        told, wrong = await bars.of(MINUTES)
    assert [(one.bar.start // 10**6 - OPEN, one.bar.close, one.trades) for one in told] == [
        (0, Decimal("187.25"), 12),
        (60_000, Decimal("187.25"), 12),
    ]
    assert wrong == []
    first, second = vendor.requests
    assert first.path == "/v2/aggs/ticker/AAPL/range/1/minute/2026-01-05/2026-01-05"
    assert dict(first.query) == {"adjusted": "false", "sort": "asc", "limit": "50000"}
    assert second.query["cursor"] == "abc"
    assert first.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "wrong",
    [
        bar(c=0),
        bar(l=-1),
        bar(h=1),
        bar(v=-1),
        bar(t=OPEN + 1),
        bar(t=OPEN // 1000),
        bar(t=OPEN + 86_400_000),
        bar(o="NaN"),
        {"t": OPEN},
        None,
    ],
)
async def test_what_is_no_bar_is_refused_and_the_others_are_taken(wrong: Any) -> None:
    async with asking(Vendor(page(wrong, bar(5), bar(5)))) as bars:
        told, refused = await bars.of(MINUTES)
    assert [one.bar.start // 10**6 for one in told] == [OPEN + 5 * 60_000]
    assert len(refused) == 2
    assert "already" in refused[1]


async def test_a_day_of_new_york_is_that_day_in_utc() -> None:
    midnight = int(datetime(2026, 1, 5, 5, tzinfo=UTC).timestamp() * 1000)
    async with asking(Vendor(page(bar(t=midnight)))) as bars:
        ((told,), _) = await bars.of(Unit("AAPL", "1d", DAY, DAY))
    assert datetime.fromtimestamp(told.bar.start // 10**9, UTC) == datetime(2026, 1, 5, tzinfo=UTC)


async def test_the_vendors_patience_is_respected_and_what_passes_is_waited_for() -> None:
    waits: list[float] = []
    vendor = Vendor((429, {}, {"retry-after": "17"}), (500, b"", {}), (200, b"<html>", {}), page(bar()))
    async with asking(vendor, waits) as bars:
        told, _ = await bars.of(MINUTES)
    assert len(told) == 1
    assert waits[0] == 17
    assert len(waits) == 3


async def test_what_does_not_pass_is_given_up() -> None:
    vendor = Vendor((500, b"", {}))
    async with asking(vendor) as bars:
        with pytest.raises(SourceLostError, match="500"):
            await bars.of(MINUTES)
    assert len(vendor.requests) == TRIES


async def test_a_refused_key_is_not_tried_again_and_shown_to_nobody() -> None:
    vendor = Vendor((403, {"message": KEY}, {}))
    async with asking(vendor) as bars:
        with pytest.raises(SourceRefusedError) as refused:
            await bars.of(MINUTES)
    assert KEY not in str(refused.value)
    assert len(vendor.requests) == 1


async def test_the_key_goes_to_no_other_address() -> None:
    vendor = Vendor(page(bar(), next_url="http://127.0.0.1:9/v2/aggs/next"))
    async with asking(vendor) as bars:
        with pytest.raises(SourceLostError, match="not its own"):
            await bars.of(MINUTES)


def test_a_range_is_asked_for_month_by_month() -> None:
    found = units(["AAPL", "MSFT"], "1m", date(2025, 12, 30), date(2026, 2, 1))
    assert [(one.symbol, str(one.first), str(one.last)) for one in found[:3]] == [
        ("AAPL", "2025-12-30", "2025-12-31"),
        ("AAPL", "2026-01-01", "2026-01-31"),
        ("AAPL", "2026-02-01", "2026-02-01"),
    ]
    assert len(found) == 6
