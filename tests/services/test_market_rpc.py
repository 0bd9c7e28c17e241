"""What other services ask the gateway about the market over gRPC."""

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import pytest
from asking import UNLIMITED
from gateway_task import Environment, client_of, gateway_app
from loopback import own_address
from postgres_servers import PostgresCluster
from richesreach.core.contracts.market.v1 import market_pb2 as market
from richesreach.core.platform import Platform
from richesreach.core.problems import Problem
from richesreach.core.rpc.neighbour import RpcNeighbour
from token_issuer import Issuer, issuer


@pytest.fixture(scope="module")
def signing() -> Iterator[Issuer]:
    with issuer() as started:
        yield started


@pytest.fixture
async def gateway(
    environment: Environment, database: PostgresCluster, signing: Issuer
) -> AsyncIterator[RpcNeighbour]:
    database.replicated()
    host, port = own_address()
    told = {**environment, **UNLIMITED, **signing.variables, "BIND_ADDRESS": host, "RPC_PORT": str(port)}
    app = gateway_app(told)
    token = signing.token(username=None, client_id="service-client", scope="richesreach/service")

    async def credential() -> str:
        return f"Bearer {token}"

    async with client_of(app):
        platform: Platform = app.state.platform
        metrics, tracing = platform.metrics, platform.tracing
        opened = RpcNeighbour(
            "gateway", f"{host}:{port}", market, metrics=metrics, tracing=tracing, credential=credential
        )
        yield opened
        await opened.close()


async def test_prices_of_many_symbols_are_one_call(gateway: RpcNeighbour) -> None:
    asked = market.LatestPricesRequest(symbols=["AAPL", "msft", "AAPL", "NONE", "no symbol"])
    answer = await gateway.call("LatestPrices", asked)
    assert [price.symbol for price in answer.prices] == ["AAPL", "MSFT"]
    assert all(Decimal(price.price) > 0 and price.event_time > 10**18 for price in answer.prices)
    assert sorted(answer.unknown_symbols) == ["NONE", "no symbol"]


async def test_candles_are_the_newest_the_oldest_of_them_first(gateway: RpcNeighbour) -> None:
    asked = market.CandlesRequest(symbols=["AAPL", "NONE"], interval="1d", limit=5)
    answer = await gateway.call("Candles", asked)
    (series,) = answer.series
    starts = [candle.start for candle in series.candles]
    assert (series.symbol, len(starts), starts) == ("AAPL", 5, sorted(starts))
    assert list(answer.unknown_symbols) == ["NONE"]


async def test_candles_of_a_time_are_those_that_opened_in_it(gateway: RpcNeighbour) -> None:
    newest = await gateway.call("Candles", market.CandlesRequest(symbols=["AAPL"], interval="1d", limit=9))
    starts = [candle.start for candle in newest.series[0].candles]
    asked = market.CandlesRequest(symbols=["AAPL"], interval="1d", begin=starts[2], until=starts[5])
    answer = await gateway.call("Candles", asked)
    assert [candle.start for candle in answer.series[0].candles] == starts[2:5]


@pytest.mark.parametrize(
    ("symbols", "interval"), [(["AAPL"], "2d"), ([f"S{number}" for number in range(101)], "1d")]
)
async def test_what_cannot_be_asked_is_told_as_a_route_tells_it(
    gateway: RpcNeighbour, symbols: list[str], interval: str
) -> None:
    with pytest.raises(Problem) as refused:
        await gateway.call("Candles", market.CandlesRequest(symbols=symbols, interval=interval))
    assert (refused.value.status, refused.value.kind) == (400, "invalid-request")
