"""What a task of the market's data answers, whether it publishes itself or another one does."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
import msgspec
import pytest
from cache_clock import endpoint
from cache_servers import CachePair, cache_pair
from fastapi import FastAPI
from gateway_task import client_of
from market_task import market_environment
from richesreach.core.cache import Nodes
from richesreach.core.events.accounting import StageAccount, write
from richesreach.core.settings import Settings
from richesreach.market_data.app import create_app
from richesreach.market_data.consensus import Board
from richesreach.market_data.model import Reading
from richesreach.market_data.recovery import Gap
from richesreach.market_data.settings import MarketSettings
from richesreach.market_data.told import Telling
from stream_servers import Broker, broker

ONE = 10**8


@pytest.fixture(scope="module")
def kafka() -> Iterator[Broker]:
    with broker(own=True) as found:
        yield found


@pytest.fixture
def own_caches() -> Iterator[CachePair]:
    with cache_pair() as pair:
        yield pair


@pytest.fixture
async def nodes(own_caches: CachePair) -> AsyncIterator[Nodes]:
    place = [endpoint(own_caches.primary)]
    opened = Nodes("cache", reads=place, writes=place, tls=False)
    yield opened
    await opened.close()


def app_of(kafka: Broker, caches: CachePair, **more: str) -> FastAPI:
    told = market_environment(kafka, caches, RATE_LIMITING="false", **more)
    return create_app(Settings.from_environment(told), MarketSettings.from_environment(told))


@pytest.fixture
async def publisher(kafka: Broker, own_caches: CachePair) -> AsyncIterator[httpx.AsyncClient]:
    """A task that publishes, as nobody else is there."""
    async with client_of(app_of(kafka, own_caches, MARKET_GENERATOR_RATE="50")) as client:
        yield client


@pytest.fixture
async def reader(kafka: Broker, own_caches: CachePair) -> AsyncIterator[httpx.AsyncClient]:
    """A task that stands by: somebody who says nothing has the lease."""
    own_caches.primary.command("SET", "market:lease", "somebody")
    async with client_of(app_of(kafka, own_caches)) as client:
        yield client


async def body(client: httpx.AsyncClient, path: str) -> Any:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def until(ask: Callable[[], Awaitable[bool]], what: str) -> None:
    """Ask again until it is so."""
    ends = time.monotonic() + 60
    while not await ask():
        assert time.monotonic() < ends, f"{what}, which did not happen"


async def test_what_is_published_is_counted_quoted_and_labelled(publisher: httpx.AsyncClient) -> None:
    async def stages() -> dict[str, Any]:
        return {one["stage"]: one for one in (await body(publisher, "/market/loss"))["stages"]}

    async def published() -> bool:
        found: bool = (await stages()).get("published", {}).get("received", 0) >= 100
        return found

    await until(published, "enough is published")
    loss = await body(publisher, "/market/loss")
    assert (loss["region"], loss["missing"], loss["silent"]) == ("eu-west-1", 0, [])
    assert loss["untold"] == ["operator", "features", "lake"]
    assert {one["source"] for one in loss["stages"]} == {"generator"}
    found = {one["name"]: one for one in (await body(publisher, "/market/sources"))["sources"]}
    assert found["generator"]["state"] == "live"
    assert found["generator"]["licence"] == "generated: not market data"
    assert (found["massive"]["state"], found["massive"]["why"]) == (
        "disabled",
        "no key: set POLYGON_API_KEY",
    )
    assert found["bloomberg"]["why"].startswith("declared only")
    price = await body(publisher, "/market/prices/AAPL")
    assert (price["source"], price["price"] == price["consensus"]) == ("generator", True)
    assert price["licence"].startswith("generated")


async def test_metrics_say_who_publishes_and_what(publisher: httpx.AsyncClient) -> None:
    async def counted() -> bool:
        text = (await publisher.get("/metrics/")).text
        return 'richesreach_market_ticks{source="generator",stage="published"}' in text

    await until(counted, "the stages are measured")
    text = (await publisher.get("/metrics/")).text
    assert "richesreach_market_publishing 1.0" in text
    assert 'richesreach_market_source_live{source="generator"} 1.0' in text
    assert 'richesreach_market_symbols_awaited{market="generated"} 16.0' in text
    assert 'richesreach_market_symbols_awaited{market="us-stocks"} 0.0' in text
    assert 'richesreach_market_unknown_seconds{source="generator"} 0.0' in text


async def test_metrics_say_for_how_long_a_source_is_unknown(
    publisher: httpx.AsyncClient, nodes: Nodes
) -> None:
    telling, now = Telling(nodes, Board()), time.time_ns()
    telling.gaps = [Gap.of("finnhub", ["AAPL"], now - 12 * 10**9, now, "finnhub says nothing again")]
    telling.open()

    async def measured() -> bool:
        text = (await publisher.get("/metrics/")).text
        return 'richesreach_market_unknown_seconds{source="finnhub"} 12.0' in text

    await until(measured, "the gap is measured")
    await telling.close()


async def test_a_task_that_stands_by_says_that_nobody_publishes(reader: httpx.AsyncClient) -> None:
    found = await body(reader, "/market/sources")
    assert found["publisher"] is None
    generator = next(one for one in found["sources"] if one["name"] == "generator")
    assert (generator["state"], generator["why"]) == ("idle", "no task of the region publishes")
    assert (await body(reader, "/market/loss"))["stages"] == []
    assert "richesreach_market_publishing 0.0" in (await reader.get("/metrics/")).text


async def test_loss_is_told_by_stage_with_the_symbols_that_miss_most(
    reader: httpx.AsyncClient, nodes: Nodes
) -> None:
    said = StageAccount(stage="source", member="a", source="massive", received=100, reached=100, symbols=2)
    lake = StageAccount(
        stage="lake", member="b", source="massive", received=90, missing=4, reached=94, lost={"AAPL": 4}
    )
    await write(nodes, [said, lake])
    loss = await body(reader, "/market/loss")
    assert loss["missing"] == 4
    last = loss["stages"][-1]
    assert (last["stage"], last["behind"], last["lost"]) == ("lake", 6, {"AAPL": 4})


async def test_the_consensus_names_the_outlier(reader: httpx.AsyncClient, nodes: Nodes) -> None:
    board, now = Board(), time.time_ns()
    for source, price in (("massive", 100), ("finnhub", 101), ("coingecko", 100), ("alpha_vantage", 150)):
        board.hear(source, "AAPL", price * ONE, now)
    telling = Telling(nodes, board)
    telling.primary = {"AAPL": "finnhub"}
    telling.open()

    async def told() -> bool:
        return (await reader.get("/market/prices/AAPL")).status_code == 200

    await until(told, "the quotes are told")
    await telling.close()
    found = await body(reader, "/market/consensus/AAPL")
    assert (found["price"], [one["source"] for one in found["outliers"]]) == ("100.5", ["alpha_vantage"])
    answer = await body(reader, "/market/prices?symbols=AAPL,NVDA")
    assert [(one["price"], one["source"], one["consensus"]) for one in answer["prices"]] == [
        ("101", "finnhub", "100.5")
    ]
    assert answer["unknown"] == ["NVDA"]


async def test_readings_are_told_exactly(reader: httpx.AsyncClient, nodes: Nodes) -> None:
    telling = Telling(nodes, Board())
    raw = b'{"source":"fear_greed","licence":"x","subject":"CRYPTO","name":"index","value":"47.10",'
    telling.note(msgspec.json.decode(raw + b'"happened":1700000000000000000,"received":1}', type=Reading))
    telling.open()

    async def told() -> bool:
        return bool((await body(reader, "/market/readings"))["readings"])

    await until(told, "the reading is told")
    await telling.close()
    found = (await body(reader, "/market/readings"))["readings"]
    assert (found[0]["value"], found[0]["time"]) == ("47.10", "2023-11-14T22:13:20Z")


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/market/prices/NOBODY", 404, "unknown-symbol"),
        ("/market/consensus/NOBODY", 404, "unknown-symbol"),
        ("/market/prices/no%20symbol", 422, "invalid-request"),
        ("/market/prices?symbols=" + ",".join(f"S{n}" for n in range(101)), 422, "too-many-symbols"),
    ],
)
async def test_what_cannot_be_answered_is_a_problem(
    path: str, status: int, kind: str, reader: httpx.AsyncClient
) -> None:
    answer = await reader.get(path)
    assert (answer.status_code, answer.json()["type"].rpartition("problem:")[2]) == (status, kind)


async def test_without_the_cache_nothing_is_made_up(reader: httpx.AsyncClient, own_caches: CachePair) -> None:
    own_caches.primary.stop()
    own_caches.replica.stop()
    for path in ("sources", "loss", "prices/AAPL", "readings"):
        answer = await reader.get(f"/market/{path}")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_the_interface_describes_itself(reader: httpx.AsyncClient) -> None:
    paths = (await body(reader, "/market/openapi.json"))["paths"]
    assert {"/market/sources", "/market/loss", "/market/candles", "/market/consensus/{symbol}"} <= set(paths)
