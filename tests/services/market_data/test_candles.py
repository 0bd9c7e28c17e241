"""Candles of a real Postgres, as a client of `/market/candles` sees them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from cache_servers import CachePair
from gateway_task import client_of, task_environment
from postgres_servers import PostgresCluster
from richesreach.core.settings import Settings
from richesreach.market_data.app import create_app
from richesreach.market_data.settings import MarketSettings

FIRST = datetime(2031, 1, 6, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def bars(cluster: PostgresCluster) -> PostgresCluster:
    """Five bars of a minute, in a time in which the samples have none."""
    opened = [(n, FIRST + n * MINUTE) for n in range(5)]
    rows = ", ".join(
        f"('AAPL', '1m', '{at}', {100 + n}, {102.5 + n}, {99 + n}, {101 + n}, 10.25000000, 'stream')"
        for n, at in opened
    )
    cluster.sql(f"insert into market_bars values {rows} on conflict do nothing")  # noqa: S608
    cluster.replicated()
    return cluster


@pytest.fixture
async def client(bars: PostgresCluster, caches: CachePair) -> AsyncIterator[httpx.AsyncClient]:
    """A task without a stream: candles need none."""
    told = {**task_environment(bars, caches), "SERVICE_NAME": "market-data", "RATE_LIMITING": "false"}
    app = create_app(Settings.from_environment(told), MarketSettings.from_environment(told))
    async with client_of(app) as opened:
        yield opened


async def asked(client: httpx.AsyncClient, **query: Any) -> Any:
    answer = await client.get("/market/candles", params={"symbol": "AAPL", "interval": "1m", **query})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


async def test_candles_come_with_the_newest_first_and_exact(client: httpx.AsyncClient) -> None:
    found = await asked(client, **{"from": FIRST.isoformat(), "to": (FIRST + 5 * MINUTE).isoformat()})
    assert (found["symbol"], found["interval"], found["older"]) == ("AAPL", "1m", None)
    assert [one["opened_at"] for one in found["candles"]] == [
        f"2031-01-06T14:{minute}:00Z" for minute in (34, 33, 32, 31, 30)
    ]
    assert found["candles"][0] == {
        "opened_at": "2031-01-06T14:34:00Z",
        "open": "104",
        "high": "106.5",
        "low": "103",
        "close": "105",
        "volume": "10.25",
        "source": "stream",
    }


async def test_from_is_included_and_to_is_not(client: httpx.AsyncClient) -> None:
    found = await asked(
        client, **{"from": (FIRST + MINUTE).isoformat(), "to": (FIRST + 3 * MINUTE).isoformat()}
    )
    assert [one["open"] for one in found["candles"]] == ["102", "101"]


async def test_older_candles_are_asked_for_with_the_answer_before(client: httpx.AsyncClient) -> None:
    seen, to = [], (FIRST + 9 * MINUTE).isoformat()
    while to is not None:
        found = await asked(client, **{"from": FIRST.isoformat(), "to": to, "limit": 2})
        seen += [one["open"] for one in found["candles"]]
        to = found["older"]
    assert seen == ["104", "103", "102", "101", "100"]


async def test_samples_have_candles_of_days_without_being_asked_for_a_time(client: httpx.AsyncClient) -> None:
    found = await asked(client, interval="1d", limit=3)
    assert len(found["candles"]) == 3
    assert found["older"] == found["candles"][-1]["opened_at"]
    assert {one["source"] for one in found["candles"]} == {"generated"}
    for one in found["candles"]:
        assert Decimal(one["low"]) <= Decimal(one["open"]) <= Decimal(one["high"])


async def test_a_listed_symbol_without_candles_then_has_none(client: httpx.AsyncClient) -> None:
    found = await asked(client, **{"from": "2040-01-01T00:00:00Z"})
    assert (found["candles"], found["older"]) == ([], None)


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ({"symbol": "NOBODY"}, 404, "unknown-symbol"),
        ({"symbol": "no symbol"}, 422, "invalid-request"),
        ({"interval": "1s"}, 422, "invalid-request"),
        ({"limit": 0}, 422, "invalid-request"),
        ({"limit": 1001}, 422, "invalid-request"),
        ({"from": "yesterday"}, 422, "invalid-request"),
        ({"from": "2031-01-06T14:30:00"}, 422, "invalid-request"),
        ({"from": "2031-01-06T14:30:00Z", "to": "2031-01-06T14:30:00Z"}, 422, "invalid-request"),
    ],
)
async def test_what_cannot_be_asked_is_said(
    client: httpx.AsyncClient, query: dict[str, Any], status: int, kind: str
) -> None:
    answer = await client.get("/market/candles", params={"symbol": "AAPL", "interval": "1m", **query})
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:richesreach:problem:{kind}")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_without_a_database_the_answer_is_a_503(caches: CachePair) -> None:
    told = {**task_environment(None, caches), "SERVICE_NAME": "market-data", "RATE_LIMITING": "false"}
    app = create_app(Settings.from_environment(told), MarketSettings.from_environment(told))
    async with client_of(app) as client:
        answer = await client.get("/market/candles", params={"symbol": "AAPL"})
    assert (answer.status_code, answer.json()["type"]) == (
        503,
        "urn:richesreach:problem:database-unavailable",
    )
    assert answer.headers["retry-after"] == "2"
