"""The market and what callers own over REST."""

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import token_issuer
from asking import Asker, asking, somebody
from gateway_task import Environment
from postgres_servers import PostgresCluster
from token_issuer import Issuer

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with token_issuer.issuer() as started:
        yield started


@pytest.fixture
async def ask(environment: Environment, database: PostgresCluster, issuer: Issuer) -> AsyncIterator[Asker]:
    database.replicated()
    async with asking(environment, issuer) as found:
        yield found


async def get(ask: Asker, path: str, **given: Any) -> Any:
    response = await ask.http.get(path, params=given)
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_price_is_decimal_text(ask: Asker) -> None:
    found = await get(ask, "/api/market/prices/aapl")
    assert (found["symbol"], found["source"]) == ("AAPL", "generated")
    assert str(Decimal(found["price"])) == found["price"]


async def test_several_prices_come_at_once_and_what_is_unknown_is_told(ask: Asker) -> None:
    found = await get(ask, "/api/market/prices", symbols="SPY, AAPL,NOSUCH,no such,SPY")
    assert [price["symbol"] for price in found["prices"]] == ["SPY", "AAPL"]
    assert sorted(found["unknown"]) == ["NOSUCH", "no such"]


async def test_symbols_are_listed_by_class_page_by_page(ask: Asker) -> None:
    first = await get(ask, "/api/market/symbols", asset_class="equity", limit=6)
    second = await get(ask, "/api/market/symbols", asset_class="equity", limit=6, cursor=first["next_cursor"])
    names = [row["symbol"] for row in first["items"] + second["items"]]
    assert names == sorted(set(names))
    assert (len(names), second["next_cursor"]) == (11, None)
    assert {row["asset_class"] for row in first["items"]} == {"equity"}


async def test_candles_lie_between_two_times(ask: Asker) -> None:
    newest = (await get(ask, "/api/market/candles/MSFT", interval="1h", limit=3))["items"]
    between = {"from": newest[2]["opened_at"], "to": newest[0]["opened_at"]}
    found = await get(ask, "/api/market/candles/MSFT", interval="1h", **between)
    assert found["items"] == newest[1:]
    assert (found["symbol"], found["interval"], found["next_cursor"]) == ("MSFT", "1h", None)


async def test_signals_of_an_engine_come_page_by_page(ask: Asker) -> None:
    first = await get(ask, "/api/market/signals", symbol="SPY", engine="trend", limit=20)
    second = await get(
        ask, "/api/market/signals", symbol="SPY", engine="trend", limit=20, cursor=first["next_cursor"]
    )
    found = first["items"] + second["items"]
    assert len({row["id"] for row in found}) == len(found) == 30
    assert {(row["symbol"], row["engine"]) for row in found} == {("SPY", "trend")}


async def test_performance_and_engines_answer(ask: Asker) -> None:
    assert (await get(ask, "/api/market/performance/AAPL", period="90d"))["period"] == "90d"
    assert len((await get(ask, "/api/market/engines"))["engines"]) == 3


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/market/prices/NOSUCH", 404),
        ("/api/market/prices/A%00B", 404),
        ("/api/market/prices/%F0%9F%A6%84", 404),
        ("/api/market/prices/%FF", 404),
        (f"/api/market/prices/{'A' * 3000}", 404),
        ("/api/market/symbols/..%2fAAPL", 404),
        ("/api/market/candles/NOSUCH", 404),
        ("/api/market/performance/NOSUCH", 404),
        ("/api/market/signals?symbol=NOSUCH", 404),
        ("/api/market/prices", 422),
        ("/api/market/prices?symbols=,", 422),
        ("/api/market/prices?symbols=" + ",".join(f"S{number}" for number in range(101)), 422),
        ("/api/market/symbols?limit=0", 422),
        ("/api/market/symbols?limit=99999999999999999999999999", 422),
        ("/api/market/symbols?limit=1e2", 422),
        ("/api/market/symbols?cursor=nonsense", 422),
        ("/api/market/symbols?cursor=%00", 422),
        ("/api/market/symbols?asset_class=house", 422),
        ("/api/market/candles/AAPL?interval=2h", 422),
        ("/api/market/candles/AAPL?from=yesterday", 422),
        ("/api/market/candles/AAPL?from=2026-01-01T00:00:00", 422),
        ("/api/market/candles/AAPL?from=0001-01-01T00:00:00%2B14:00", 422),
        ("/api/market/candles/AAPL?to=9999-12-31T23:59:59-14:00", 422),
        ("/api/market/signals?engine=%27%20or%201=1", 422),
    ],
)
async def test_what_cannot_be_answered_is_a_problem(ask: Asker, path: str, status: int) -> None:
    response = await ask.http.get(path)
    assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM), response.text
    assert response.json()["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    "path", ["/api/market/prices/AAPL", "/api/market/engines", "/api/market/candles/SPY"]
)
async def test_a_public_answer_is_not_sent_twice(ask: Asker, path: str) -> None:
    first = await ask.http.get(path)
    assert first.headers["cache-control"].startswith("public, max-age=")
    tag = first.headers["etag"]
    for shown in (tag, f'"other", W/{tag}', "*"):
        again = await ask.http.get(path, headers={"if-none-match": shown})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await ask.http.get(path, headers={"if-none-match": '"other"'})).status_code == 200


async def test_a_watchlist_is_made_found_changed_and_deleted(ask: Asker) -> None:
    ann = ask.bearer(somebody())
    new = {"name": "Chips", "symbols": ["NVDA", "asml"]}
    made = await ask.http.post("/api/watchlists", json=new, headers=ann)
    assert (made.status_code, made.json()["symbols"]) == (201, ["NVDA", "ASML"])
    place, wrote = made.headers["location"], {"x-richesreach-wrote": made.headers["x-richesreach-wrote"]}
    shown = await ask.http.get(place, headers={**ann, **wrote})
    assert shown.json() == made.json()
    assert shown.headers["cache-control"] == "private, no-store"
    changed = await ask.http.patch(place, json={"name": "More"}, headers=ann)
    assert (changed.json()["name"], changed.json()["symbols"]) == ("More", ["NVDA", "ASML"])
    listed = await ask.http.get("/api/watchlists", headers={**ann, **wrote})
    assert [row["name"] for row in listed.json()["items"]] == ["More"]
    assert (await ask.http.delete(place, headers=ann)).status_code == 204
    assert (await ask.http.delete(place, headers=ann)).status_code == 404


async def test_an_alert_is_made_found_changed_and_deleted(ask: Asker) -> None:
    ann = ask.bearer(somebody())
    new = {"symbol": "btc-usd", "condition": "ABOVE", "threshold": "70000.12345678"}
    made = await ask.http.post("/api/alerts", json=new, headers=ann)
    assert (made.status_code, made.json()["threshold"]) == (201, "70000.12345678")
    place, wrote = made.headers["location"], {"x-richesreach-wrote": made.headers["x-richesreach-wrote"]}
    changed = await ask.http.patch(place, json={"active": False}, headers=ann)
    assert changed.json()["active"] is False
    listed = await ask.http.get("/api/alerts", params={"symbol": "BTC-USD"}, headers={**ann, **wrote})
    assert [row["id"] for row in listed.json()["items"]] == [made.json()["id"]]
    assert (await ask.http.delete(place, headers=ann)).status_code == 204


async def test_a_write_sent_again_with_its_key_is_done_once(ask: Asker) -> None:
    headers = {**ask.bearer(somebody()), "idempotency-key": "k-1"}
    new = {"name": "Once", "symbols": []}
    first = await ask.http.post("/api/watchlists", json=new, headers=headers)
    again = await ask.http.post("/api/watchlists", json=new, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    other = await ask.http.post("/api/watchlists", json={**new, "name": "Two"}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (
        409,
        "urn:richesreach:problem:idempotency-key-reused",
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "", "symbols": []}, 422),
        ({"name": "a\x00b"}, 422),
        ({"name": "x" * 81}, 422),
        ({"name": "X", "symbols": ["NOSUCH"]}, 404),
        ({"name": "X", "symbols": ["AAPL"] * 101}, 422),
        ({"name": "X", "more": 1}, 422),
        ({"name": ["X"]}, 422),
        ([], 422),
        (None, 422),
    ],
)
async def test_a_watchlist_of_the_wrong_form_is_a_problem(ask: Asker, body: Any, status: int) -> None:
    response = await ask.http.post("/api/watchlists", json=body, headers=ask.bearer(somebody()))
    assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"name": "\\ud800"}', 422),
        (b'{"name":' + b"[" * 50_000 + b"]" * 50_000 + b"}", 400),
        (b'{"name": ' + b"9" * 10_000 + b"}", 400),
        (b'{"name": "' + b"x" * 300_000 + b'"}', 413),
    ],
)
async def test_a_body_that_is_no_json_is_a_problem(ask: Asker, content: bytes, status: int) -> None:
    headers = {**ask.bearer(somebody()), "content-type": "application/json"}
    response = await ask.http.post("/api/watchlists", content=content, headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM), response.text


@pytest.mark.parametrize("threshold", ["0", "-1", "NaN", "1e3", "1.123456789", "9999999999999", "", 5, None])
async def test_a_threshold_is_plain_digits(ask: Asker, threshold: Any) -> None:
    new = {"symbol": "AAPL", "condition": "ABOVE", "threshold": threshold}
    response = await ask.http.post("/api/alerts", json=new, headers=ask.bearer(somebody()))
    assert response.status_code == 422


@pytest.mark.parametrize("path", ["/api/watchlists", "/api/alerts", f"/api/watchlists/{uuid4()}"])
async def test_nobody_has_nothing(ask: Asker, path: str) -> None:
    response = await ask.http.get(path)
    assert (response.status_code, response.headers["content-type"]) == (401, PROBLEM)
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_another_subject_sees_nothing(ask: Asker) -> None:
    made = await ask.http.post("/api/watchlists", json={"name": "Mine"}, headers=ask.bearer(somebody()))
    eve = ask.bearer(somebody())
    place = made.headers["location"]
    answers = [
        await ask.http.get(place, headers=eve),
        await ask.http.patch(place, json={"name": "Hers"}, headers=eve),
        await ask.http.delete(place, headers=eve),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


async def test_the_document_tells_every_operations_errors_as_problems(ask: Asker) -> None:
    document = await get(ask, "/api/openapi.json")
    tags = {tag["name"] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            place = f"{method} {path}"
            if operation["tags"] == ["operations"]:
                continue
            assert {"429", "500", "503", "504"} <= operation["responses"].keys(), place
            assert set(operation["tags"]) <= tags, place
            assert operation["summary"], place
            for status, response in operation["responses"].items():
                assert response["description"], place
                if status >= "400":
                    assert [*response["content"]] == [PROBLEM], place
            if "requestBody" in operation:
                assert {"400", "413"} <= operation["responses"].keys(), place
            if operation.get("security"):
                assert {"401", "403"} <= operation["responses"].keys(), place
    secured = document["paths"]["/api/watchlists"]["post"]["security"]
    assert {name for way in secured for name in way} <= document["components"]["securitySchemes"].keys()
