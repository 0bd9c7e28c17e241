"""The market over real servers, for tests: with its stores and a way to see what the database holds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway_task import Environment
from richesreach.core.cache import Cache, Nodes
from richesreach.core.cache.local import LocalCache
from richesreach.core.database import Database
from richesreach.core.settings import Settings
from richesreach.gateway.market.alerts import Alerts
from richesreach.gateway.market.service import Market
from richesreach.gateway.market.store import MarketStore
from richesreach.gateway.market.watchlists import Watchlists


@dataclass
class Stores:
    database: Database
    cache: Cache
    market: Market
    watchlists: Watchlists
    alerts: Alerts


@asynccontextmanager
async def stores(environment: Environment) -> AsyncIterator[Stores]:
    settings = Settings.from_environment(environment)
    database = Database(settings)
    nodes = [settings.cache_primary, settings.cache_secondary]
    cache = Cache(Nodes("cache", reads=nodes, writes=nodes, tls=False), local=LocalCache())
    await database.open()
    try:
        yield Stores(
            database, cache, Market(MarketStore(database), cache), Watchlists(database), Alerts(database)
        )
    finally:
        await cache.close()
        await database.close()
