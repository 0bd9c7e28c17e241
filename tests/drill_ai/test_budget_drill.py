"""Two hundred clients spend one budget in five replicas, two of them in another region, four are killed.

What was spent, what the killed ones left behind and what the books cost is printed.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import budget_race
import cache_servers
import postgres_servers
import pytest
from budget_race import Course
from cache_servers import CachePair
from money_stores import make_tables, till
from postgres_servers import PostgresCluster
from richesreach.ai_router.budgets.model import Scope, dollars
from richesreach.ai_router.model import Caller

# Microdollars.
LIMIT = 100_000_000
# Reservations that are set aside and settled to see what they cost, and how many at a time.
NUMBER, AT_ONCE = 20_000, 64


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresCluster]:
    template = postgres_servers.make_template(tmp_path_factory.mktemp("template"))
    folder: Path = tmp_path_factory.mktemp("cluster")
    with postgres_servers.postgres_cluster(template, folder) as found:
        asyncio.run(make_tables(found))
        found.replicated()
        yield found


@pytest.fixture(scope="module")
def caches() -> Iterator[CachePair]:
    with cache_servers.cache_pair() as pair:
        yield pair


@pytest.mark.timeout(900)
async def test_nothing_is_overspent_or_lost_though_replicas_are_killed(
    cluster: PostgresCluster, caches: CachePair
) -> None:
    course = Course(LIMIT, clients=40, near=3, far=2, killed=2, seconds=3.0)
    race = await budget_race.run(cluster, caches.primary, "acme", course)
    numbers = [len(replica.reserved) for replica in race.replicas]
    killed = sum(replica.killed for replica in race.replicas)
    print(  # noqa: T201
        f"\nlimit {dollars(race.limit)} USD, billed {dollars(race.billed)}, booked {dollars(race.settled)};"
        f" {sum(numbers)} requests of {len(numbers)} replicas, {killed} killed;"
        f" {len(race.expired)} reservations ran out and count {dollars(sum(race.expired.values()))}"
    )
    assert race.reserved == 0
    assert race.billed <= race.settled <= race.limit
    for replica in race.replicas:
        if not replica.killed:
            assert set(replica.reserved) == replica.settled


@pytest.mark.parametrize("far", [False, True], ids=["writer's region", "another region"])
async def test_what_the_books_cost(cluster: PostgresCluster, caches: CachePair, far: bool) -> None:
    caller = Caller(f"cost-{far}", "research", "key-1")
    async with till(cluster, caches.primary, far=far) as books:
        for scope in Scope.above(caller):
            await books.limit(scope, 10**12)
        await books.books.settle(await books.take(caller, 1), 1)

        async def client() -> None:
            for _ in range(NUMBER // AT_ONCE):
                reservation = await books.books.reserve(caller, 1000, time.monotonic() + 30)
                await books.books.settle(reservation, 600)

        began = time.process_time()
        await asyncio.gather(*(client() for _ in range(AT_ONCE)))
        each = (time.process_time() - began) / NUMBER
        print(f"\nreserve and settle: {each * 1e6:.0f} µs of processor time, {AT_ONCE} at once")  # noqa: T201
        assert books.books.counts["settled"] == NUMBER // AT_ONCE * AT_ONCE + 1
