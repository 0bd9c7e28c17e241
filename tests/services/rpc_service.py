"""A service that answers the market's contract over gRPC: `python -m rpc_service`."""

import asyncio
from collections.abc import Mapping

from fastapi import FastAPI
from richesreach.core import logs
from richesreach.core.app import Platform, build_app
from richesreach.core.contracts.market.v1 import market_pb2 as market
from richesreach.core.problems import Problem
from richesreach.core.resilience import deadline
from richesreach.core.rpc.contract import Implementation
from richesreach.core.rpc.interceptor import caller
from richesreach.core.rpc.server import Contracts
from richesreach.core.server import run
from richesreach.core.settings import Settings

PRICES = {"AAPL": "189.50", "MSFT": "402.10"}
asked: list[str] = []


async def latest_prices(request: market.LatestPricesRequest) -> market.LatestPricesResponse:
    """`SLOW` takes a second, `REFUSED` is a problem, `BROKEN` an error, and `LEFT` is what time is left."""
    asked.extend(request.symbols)
    if "SLOW" in request.symbols:
        logs.logger().info("begun")
        await asyncio.sleep(1)
    if "REFUSED" in request.symbols:
        raise Problem(404, "unknown-symbol", "Nobody knows it.")
    if "BROKEN" in request.symbols:
        raise ValueError("the gears jammed")
    prices = [
        market.Price(symbol=symbol, price=PRICES[symbol], venue=venue())
        for symbol in request.symbols
        if symbol in PRICES
    ]
    unknown = [symbol for symbol in request.symbols if symbol not in PRICES]
    if "LEFT" in request.symbols:
        prices.append(market.Price(symbol="LEFT", price=str(deadline.remaining())))
    return market.LatestPricesResponse(prices=prices, unknown_symbols=unknown)


def venue() -> str:
    """Who asked, as the handler sees it."""
    found = caller()
    return found.subject if found is not None else "nobody"


async def candles(_request: market.CandlesRequest) -> market.CandlesResponse:
    return market.CandlesResponse()


MARKET: Mapping[str, Implementation] = {"LatestPrices": latest_prices, "Candles": candles}


def contracts(_platform: Platform) -> Contracts:
    return [(market, MARKET)]


def create(settings: Settings) -> FastAPI:
    return build_app(settings, title="prices", openapi_path="/openapi.json", routers=[], contracts=contracts)


if __name__ == "__main__":
    run(create)
