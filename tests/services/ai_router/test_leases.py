"""Leases: what a process of another region spends without asking, and that it gives the rest back."""

import asyncio
import time

import pytest
from cache_servers import CachePair
from money_stores import Till, till
from postgres_servers import PostgresCluster
from richesreach.ai_router.budgets.leases import OUTLIVES, PART_OF_LIMIT, USABLE, Leases
from richesreach.ai_router.budgets.model import BudgetExhaustedError, BudgetsUnavailableError, Scope
from richesreach.ai_router.model import Caller

LIMIT = 200_000
SIZE = LIMIT // PART_OF_LIMIT


@pytest.fixture
def caller(org: str) -> Caller:
    return Caller(org, "research", "key-1")


def leases_of(books: Till) -> Leases:
    assert isinstance(books.books.funds, Leases)
    return books.books.funds


async def test_requests_of_a_lease_ask_nobody_and_the_rest_is_given_back(
    ai_database: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, caches.primary, far=True) as books:
        await books.limit(Scope(caller.org), LIMIT)
        first = await books.take(caller, 100)
        assert await books.sums(caller) == ((0, SIZE),)
        second = await books.take(caller, 100)
        assert first.held == second.held
        assert second.standing.left == LIMIT - 200
        for reservation in (first, second):
            await books.books.settle(reservation, 30)
        assert await books.sums(caller) == ((0, SIZE),)
        await books.books.funds.close()
        assert await books.sums(caller) == ((60, 0),)


async def test_a_request_larger_than_a_lease_has_one_of_its_size(
    ai_database: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, caches.primary, far=True) as books:
        await books.limit(Scope(caller.org), LIMIT)
        assert (await books.take(caller, 150_000)).standing.left == 50_000
        with pytest.raises(BudgetExhaustedError) as refused:
            await books.take(caller, 60_000)
        assert refused.value.left == 50_000


async def test_a_lease_serves_on_while_the_writer_region_is_away_and_no_longer(
    ai_database: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, caches.primary, far=True) as books:
        now = [time.time()]
        leases = leases_of(books)
        leases._now = lambda: now[0]
        await books.limit(Scope(caller.org), LIMIT)
        await books.take(caller, 10)
        books.nodes.all[0].unreachable_until = float("inf")
        await books.take(caller, 10)
        now[0] += USABLE + 1
        with pytest.raises(BudgetsUnavailableError):
            await books.take(caller, 10)
        books.nodes.all[0].unreachable_until = 0.0
        assert (await books.take(caller, 10)).held.startswith("lease:")


async def test_the_next_lease_is_asked_for_before_the_last_is_used_up(
    ai_database: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, caches.primary, far=True) as books:
        await books.limit(Scope(caller.org), LIMIT)
        await books.take(caller, SIZE * 4 // 5)
        await asyncio.wait(leases_of(books)._tasks)
        assert len(leases_of(books)._leases) == 2


async def test_a_lease_whose_process_died_counts_as_spent_when_it_runs_out(
    ai_database: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, caches.primary, far=True) as books:
        await books.limit(Scope(caller.org), LIMIT)
        leases = leases_of(books)
        then = time.time() - USABLE - OUTLIVES - 31
        leases._now = lambda: then
        await leases.reserve(await books.books.limits.plan(caller), "request-1", 10, then + 1)
        assert await books.sums(caller) == ((SIZE, 0),)
        # Its process lives after all: what it says corrects the sum.
        leases._now = time.time
        await leases.tick()
        assert await books.sums(caller) == ((10, 0),)
