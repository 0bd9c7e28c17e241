"""Budgets: what is set aside, what is settled, and what happens where nobody can say what is left."""

import asyncio

import pytest
from cache_servers import CachePair, CacheServer
from loopback import own_address
from money_stores import ADMIN, Till, till
from postgres_servers import PostgresCluster
from richesreach.ai_router.budgets.model import (
    BudgetExhaustedError,
    BudgetsUnavailableError,
    Period,
    Reservation,
    Scope,
)
from richesreach.ai_router.budgets.offline import HELD as OFFLINE
from richesreach.ai_router.model import Caller


@pytest.fixture
def caller(org: str) -> Caller:
    return Caller(org, "research", "key-1")


async def test_what_is_not_spent_of_a_reservation_is_free_again(
    ai_database: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, caches.primary) as books:
        await books.limit(Scope(caller.org), 1000)
        reservation = await books.take(caller, 600)
        assert reservation.standing.left == 400
        assert await books.sums(caller) == ((0, 600),)
        await books.books.settle(reservation, 250)
        assert await books.sums(caller) == ((250, 0),)


async def test_a_request_counts_at_every_level_and_the_tightest_decides(
    ai_database: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, caches.primary) as books:
        await books.limit(Scope(caller.org), 1000)
        await books.limit(Scope(caller.org, caller.team), 500)
        await books.limit(Scope(caller.org, caller.team, caller.key), 300)
        await books.take(caller, 200)
        with pytest.raises(BudgetExhaustedError) as of_key:
            await books.take(caller, 200)
        assert of_key.value.scope.level == "key"
        neighbour = Caller(caller.org, caller.team, "key-2")
        with pytest.raises(BudgetExhaustedError) as of_team:
            await books.take(neighbour, 400)
        assert (of_team.value.scope.level, of_team.value.left) == ("team", 300)
        assert await books.sums(neighbour) == ((0, 200), (0, 200))


async def test_who_is_refused_is_told_what_is_left_and_when_there_is_more(
    ai_database: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, caches.primary) as books:
        await books.limit(Scope(caller.org), 1_500_000, Period.DAY)
        await books.books.settle(await books.take(caller, 1_000_000), 1_000_000)
        with pytest.raises(
            BudgetExhaustedError, match=r"has 0\.5 USD left of 1\.5, and the request"
        ) as refused:
            await books.take(caller, 600_000)
        details = refused.value.details
        assert details["settled_microdollars"] == 1_000_000
        assert (details["scope"], details["left_microdollars"]) == (caller.org, 500_000)
        assert str(details["resets_at"]).endswith("T00:00:00Z")


async def test_a_caller_whom_nothing_limits_asks_nobody(
    ai_database: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, caches.primary) as books:
        reservation = await books.take(caller, 10**12)
        assert (reservation.held, reservation.standing.left) == ("", None)
        await books.books.settle(reservation, 10**12)


async def test_who_has_no_budget_has_the_default_one(
    ai_database: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, caches.primary, default=700) as books:
        assert (await books.take(caller, 600)).standing.left == 100
        with pytest.raises(BudgetExhaustedError):
            await books.take(caller, 600)


async def test_little_left_asks_for_cheaper_models(
    ai_database: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, caches.primary) as books:
        await books.limit(Scope(caller.org), 1000)
        first = await books.take(caller, 750)
        assert not first.standing.low
        assert (await books.take(caller, 100)).standing.low
        assert books.books.standing(caller).low


async def test_settling_twice_is_settling_once(
    ai_database: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, caches.primary) as books:
        await books.limit(Scope(caller.org), 1000)
        reservation = await books.take(caller, 600)
        for _ in range(2):
            await books.books.settle(reservation, 250)
        assert await books.sums(caller) == ((250, 0),)


async def test_a_request_that_costs_more_than_was_set_aside_is_booked_with_what_it_cost(
    ai_database: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, caches.primary) as books:
        await books.limit(Scope(caller.org), 1000)
        await books.books.settle(await books.take(caller, 900), 1100)
        assert await books.sums(caller) == ((1100, 0),)
        assert books.books.counts["overrun"] == 1
        with pytest.raises(BudgetExhaustedError):
            await books.take(caller, 0)


async def test_a_reservation_that_nobody_settles_counts_as_spent_and_is_corrected_by_a_late_settlement(
    ai_database: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, caches.primary) as books:
        await books.limit(Scope(caller.org), 1000)
        plan = await books.books.limits.plan(caller)
        await books.central.reserve(plan, f"late-{caller.org}", 600, expires=1.0)
        assert await books.sums(caller) == ((600, 0),)
        assert books.central.accounts.expired == 1
        await books.central.end(plan, f"late-{caller.org}", 150, counted=True)
        assert await books.sums(caller) == ((150, 0),)


async def test_concurrent_requests_of_two_processes_never_set_more_aside_than_there_is(
    ai_database: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, caches.primary) as one, till(ai_database, caches.primary) as other:
        await one.limit(Scope(caller.org), 1000)
        asked = [found.take(caller, 70) for found in (one, other) for _ in range(40)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(answer, Reservation) for answer in found) == 14
        assert sum(isinstance(answer, BudgetExhaustedError) for answer in found) == 66
        assert await one.sums(caller) == ((0, 980),)


async def test_a_caller_that_leaves_while_money_is_set_aside_leaves_nothing_behind(
    ai_database: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, caches.primary) as books:
        await books.limit(Scope(caller.org), 1000)
        await books.sums(caller)
        asking = asyncio.create_task(books.take(caller, 600))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await books.books.tidy()
        assert await books.sums(caller) == ((0, 0),)


async def test_a_cache_that_lost_its_memory_begins_where_the_database_says(
    ai_database: PostgresCluster, own_caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, own_caches.primary) as books:
        await books.limit(Scope(caller.org), 1000)
        await books.books.settle(await books.take(caller, 300), 300)
        await books.take(caller, 100)
        await books.checkpoints.tell()
        own_caches.primary.command("FLUSHALL")
        # What was set aside then counts as spent: nobody knows those reservations any more.
        assert await books.sums(caller) == ((400, 0),)
        with pytest.raises(BudgetExhaustedError):
            await books.take(caller, 700)


async def test_a_limit_that_is_raised_holds_at_once_where_it_was_raised(
    ai_database: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, caches.primary) as books:
        await books.limit(Scope(caller.org), 100)
        with pytest.raises(BudgetExhaustedError):
            await books.take(caller, 200)
        await books.limit(Scope(caller.org), 300)
        await books.take(caller, 200)
        assert await books.store.delete(Scope(caller.org), Period.MONTH, ADMIN)
        await books.books.limits.forget(caller.org)
        assert (await books.take(caller, 10_000)).held == ""


@pytest.fixture
def nobody() -> CacheServer:
    """The address of a server that is down."""
    return CacheServer(*own_address())


async def test_without_a_cache_a_process_spends_its_unasked_allowance_and_no_more(
    ai_database: PostgresCluster, nobody: CacheServer, caller: Caller
) -> None:
    async with till(ai_database, nobody, unasked=100) as books:
        await books.store_limit(Scope(caller.org), 1000)
        first = await books.take(caller, 60)
        assert first.held == OFFLINE
        with pytest.raises(BudgetsUnavailableError):
            await books.take(caller, 60)
        await books.books.settle(first, 20)
        await books.take(caller, 60)


async def test_without_a_cache_nothing_is_spent_where_no_allowance_is_given(
    ai_database: PostgresCluster, nobody: CacheServer, caller: Caller
) -> None:
    async with till(ai_database, nobody) as books:
        await books.store_limit(Scope(caller.org), 1000)
        with pytest.raises(BudgetsUnavailableError):
            await books.take(caller, 1)


async def test_what_was_spent_unasked_is_booked_once_when_the_cache_is_back(
    ai_database: PostgresCluster, nobody: CacheServer, caller: Caller
) -> None:
    async with till(ai_database, nobody, unasked=100) as books:
        await books.store_limit(Scope(caller.org), 1000)
        await books.books.settle(await books.take(caller, 90), 80)
        with pytest.raises(BudgetsUnavailableError):
            await books.take(caller, 90)
        nobody.start()
        try:
            await booked(books)
            await books.books.tidy()
            assert await books.sums(caller) == ((80, 0),)
        finally:
            nobody.stop()


async def booked(books: Till) -> None:
    """Debts are told again and again; a server that was down is passed over for a second."""
    while books.books._offline.debts:
        await books.books.tidy()
        await asyncio.sleep(0.1)


async def test_a_settlement_that_did_not_arrive_arrives_later(
    ai_database: PostgresCluster, own_caches: CachePair, caller: Caller
) -> None:
    async with till(ai_database, own_caches.primary) as books:
        await books.limit(Scope(caller.org), 1000)
        reservation = await books.take(caller, 600)
        books.nodes.lost(books.nodes.all[0], ConnectionError("for a second"))
        await books.books.settle(reservation, 250)
        while books.books._unsettled:
            await books.books.tidy()
            await asyncio.sleep(0.1)
        assert await books.sums(caller) == ((250, 0),)


async def test_without_a_database_the_limits_that_are_known_hold(
    own_database_of_ai: PostgresCluster, caches: CachePair, caller: Caller
) -> None:
    async with till(own_database_of_ai, caches.primary) as books:
        await books.limit(Scope(caller.org), 1000)
        await books.take(caller, 300)
        own_database_of_ai.writer.stop()
        own_database_of_ai.reader.stop()
        books.books.limits._plans.clear()
        assert (await books.take(caller, 300)).standing.left == 400
        with pytest.raises(BudgetExhaustedError):
            await books.take(caller, 500)
