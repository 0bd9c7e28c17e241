"""What the tests of budgets stand on: the books of a process, on real servers."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cache_servers import CacheServer
from gateway_task import task_environment
from postgres_servers import PostgresCluster
from richesreach.ai_router.budgets.accounts import Accounts
from richesreach.ai_router.budgets.books import Books, Funds
from richesreach.ai_router.budgets.central import Central
from richesreach.ai_router.budgets.checkpoints import Checkpoints
from richesreach.ai_router.budgets.leases import Leases
from richesreach.ai_router.budgets.limits import Limits
from richesreach.ai_router.budgets.model import Budget, Period, Reservation, Scope
from richesreach.ai_router.budgets.offline import Offline
from richesreach.ai_router.budgets.store import BudgetStore, Change
from richesreach.ai_router.migrate import MIGRATIONS
from richesreach.ai_router.model import Caller
from richesreach.core.cache import Cache, Nodes
from richesreach.core.cache.local import LocalCache
from richesreach.core.database import Database
from richesreach.core.migration import migrate
from richesreach.core.settings import Endpoint, Settings

ADMIN = Change("admin-1", "request-1", "us-east-1")


def settings_of(cluster: PostgresCluster | None) -> Settings:
    return Settings.from_environment(task_environment(cluster, None))


async def make_tables(cluster: PostgresCluster) -> None:
    await migrate(Database(settings_of(cluster)).writer, MIGRATIONS, "ai_router_migrations")


def nodes_of(server: CacheServer, name: str = "global_cache") -> Nodes:
    address = [Endpoint(server.host, server.port)]
    return Nodes(name, reads=address, writes=address, tls=False)


@dataclass
class Till:
    """The books of one process, and what they stand on."""

    books: Books
    store: BudgetStore
    central: Central
    checkpoints: Checkpoints
    database: Database
    nodes: Nodes

    async def limit(self, scope: Scope, microdollars: int, period: Period = Period.MONTH) -> None:
        await self.store.put(Budget(scope, microdollars, period), ADMIN)
        await self.books.limits.forget(scope.org)

    async def store_limit(self, scope: Scope, microdollars: int) -> None:
        """As `limit`, for this process alone: no cache is told."""
        await self.store.put(Budget(scope, microdollars), ADMIN)

    async def sums(self, caller: Caller) -> tuple[tuple[int, int], ...]:
        """Settled and reserved of each account above the caller, as the centre has them."""
        return await self.central.look(await self.books.limits.plan(caller))

    async def take(self, caller: Caller, microdollars: int) -> Reservation:
        return await self.take_of(self.books, caller, microdollars)

    @staticmethod
    async def take_of(books: Books, caller: Caller, microdollars: int) -> Reservation:
        return await books.reserve(caller, microdollars, time.monotonic() + 30)


@asynccontextmanager
async def till(
    cluster: PostgresCluster, server: CacheServer, *, far: bool = False, unasked: int = 0, default: int = 0
) -> AsyncIterator[Till]:
    """`far` is a process of another region than the writer's."""
    settings = settings_of(cluster)
    async with till_of(settings, server, far=far, unasked=unasked, default=default) as found:
        yield found


@asynccontextmanager
async def till_of(
    settings: Settings,
    server: CacheServer,
    *,
    far: bool = False,
    unasked: int = 0,
    default: int = 0,
    slack: float = 30.0,
) -> AsyncIterator[Till]:
    database = Database(settings)
    await database.open()
    nodes = nodes_of(server)
    store = BudgetStore(database)
    cache = Cache(nodes_of(server, "cache"), local=LocalCache())
    checkpoints = Checkpoints(store)
    central = Central(Accounts(nodes), checkpoints)
    funds: Funds = Leases(central) if far else central
    books = Books(Limits(store, cache, default=default), funds, checkpoints, Offline(unasked), slack=slack)
    try:
        yield Till(books, store, central, checkpoints, database, nodes)
    finally:
        await books.close()
        await cache.close()
        await nodes.close()
        await database.close()
