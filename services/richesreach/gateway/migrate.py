"""`python -m richesreach.gateway.migrate`: bring the gateway's tables to their newest form.

In environment `local` it also fills the market with samples, so that every question has an answer.
"""

from datetime import UTC, datetime
from pathlib import Path

from richesreach.core.cache import Cache, Nodes
from richesreach.core.database import Database
from richesreach.core.logs import logger
from richesreach.core.migration import run
from richesreach.core.settings import Settings
from richesreach.gateway.market.seed import seed
from richesreach.gateway.market.service import Market
from richesreach.gateway.market.store import MarketStore

MIGRATIONS = Path(__file__).parent / "migrations"


async def samples(settings: Settings) -> None:
    """The samples of environment `local`; nothing anywhere else. Raises DatabaseUnavailableError."""
    if settings.environment != "local":
        return
    database = Database(settings)
    nodes = [settings.cache_primary, settings.cache_secondary]
    cache = Cache(
        Nodes("cache", reads=nodes, writes=nodes, tls=settings.cache_tls, login=settings.cache_login)
    )
    await database.open()
    try:
        await seed(Market(MarketStore(database), cache), datetime.now(UTC))
    finally:
        await cache.close()
        await database.close()
    logger().info("samples_recorded")


if __name__ == "__main__":
    run(MIGRATIONS, samples)
