"""Wiring of the market's data: a runner, which stands by or publishes, and what every task answers."""

import asyncio
import contextlib
import os
import time
import uuid
from collections.abc import AsyncIterator

from fastapi import FastAPI

from richesreach.core.app import Platform, Service, build_app
from richesreach.core.ending import end
from richesreach.core.events import Events
from richesreach.core.events.schemas import DeadLetter
from richesreach.core.events.topics import DLQ
from richesreach.core.logs import logger
from richesreach.core.problems import Problem
from richesreach.core.settings import Settings
from richesreach.market_data import api
from richesreach.market_data.candles import CandleStore
from richesreach.market_data.dead_letters import DeadLetters
from richesreach.market_data.metrics import MarketMetrics
from richesreach.market_data.roster import awaited, roster
from richesreach.market_data.running.lease import Lease
from richesreach.market_data.running.runner import Runner
from richesreach.market_data.service import Market
from richesreach.market_data.settings import MarketSettings

# Seconds between two looks at the figures that metrics tell.
METRICS = 5.0


def create_app(settings: Settings, own: MarketSettings | None = None) -> Service:
    """Raises SettingsError for what the environment says of sources, where `own` is not given."""
    market = own or MarketSettings.from_environment(os.environ)
    app = build_app(
        settings,
        title="RichesReach market data",
        openapi_path="/market/openapi.json",
        routers=[api.router],
    )
    platform: Platform = app.state.platform
    app.state.market = Market(platform.cache.servers, settings.region, roster(market, settings.environment))
    app.state.candles = CandleStore(platform.database)
    if platform.events is not None:
        _live_with(app, platform, platform.events, market)
    return app


def _live_with(app: FastAPI, platform: Platform, events: Events, own: MarketSettings) -> None:
    """Opens after the platform's own clients, and ends before them."""
    nodes, environment = platform.cache.servers, platform.settings.environment

    async def bury(letter: DeadLetter) -> None:
        await events.publish(DLQ, letter.group, letter)

    letters = DeadLetters(bury)
    lease = Lease(nodes, "market", f"market-data-{uuid.uuid4().hex[:12]}")
    runner = Runner(events, nodes, lease, lambda: roster(own, environment), letters)
    metrics = MarketMetrics(platform.metrics.registry)
    within = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(inner: FastAPI) -> AsyncIterator[None]:
        async with within(inner):
            tasks = [
                asyncio.create_task(letters.run(), name="dead letters"),
                asyncio.create_task(_measure(runner, app.state.market, metrics), name="market metrics"),
            ]
            runner.open()
            yield
            await runner.close()
            for task in tasks:
                await end(task)

    app.router.lifespan_context = lifespan


async def _measure(runner: Runner, market: Market, metrics: MarketMetrics) -> None:
    while True:
        publishing = runner.publishing
        if publishing is None:
            metrics.stands_by()
        else:
            metrics.publishes(publishing.reports(), publishing.waiting)
            metrics.awaits(awaited(publishing.entries, time.time_ns()))
            try:
                metrics.stages(await market.sums())
                metrics.knows_not(await market.unknown())
            except Problem as problem:
                logger().debug("stages_unknown", error=problem.detail)
        await asyncio.sleep(METRICS)
