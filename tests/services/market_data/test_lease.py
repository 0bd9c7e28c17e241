"""One task of a region holds the lease; what it may still do is over before another one can have it."""

from dataclasses import dataclass

import pytest
from cache_servers import CacheServer
from richesreach.core.cache import CacheUnavailableError, Nodes
from richesreach.core.events.publishing import DELIVERY_TIMEOUT
from richesreach.market_data.running.lease import HOLD, RENEW, TTL, Lease, LeaseLostError


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_a_holder_handed_over_is_settled_before_the_lease_runs_out() -> None:
    assert RENEW < HOLD
    assert HOLD + DELIVERY_TIMEOUT < TTL


async def test_one_holds_it_and_the_other_gets_it_once_it_is_released(nodes: Nodes) -> None:
    one, other = Lease(nodes, "market", "a"), Lease(nodes, "market", "b")
    assert await one.acquire()
    assert not await other.acquire()
    assert (one.held(), other.held()) == (True, False)
    await one.release()
    assert not one.held()
    assert await other.acquire()


async def test_a_holder_that_is_not_confirmed_stops_long_before_another_may_begin(
    nodes: Nodes, lone_cache: CacheServer
) -> None:
    clock = Clock()
    lease = Lease(nodes, "market", "a", clock=clock)
    assert await lease.acquire()
    lone_cache.stop()
    clock.now += HOLD - 0.1
    await lease.renew()
    assert lease.held()
    clock.now += 0.2
    assert not lease.held()
    with pytest.raises(CacheUnavailableError):
        await lease.acquire()


async def test_a_confirmed_holder_goes_on(nodes: Nodes, lone_cache: CacheServer) -> None:
    clock = Clock()
    lease = Lease(nodes, "market", "a", clock=clock)
    assert await lease.acquire()
    lone_cache.command("PEXPIRE", "market:lease", "500")
    clock.now += HOLD - 0.1
    await lease.renew()
    clock.now += HOLD - 0.1
    assert lease.held()
    assert int(lone_cache.command("PTTL", "market:lease").strip().removeprefix(":")) > 1000 * HOLD


async def test_a_lease_that_ran_out_is_held_on_while_nobody_else_had_it(
    nodes: Nodes, lone_cache: CacheServer
) -> None:
    lease = Lease(nodes, "market", "a")
    assert await lease.acquire()
    lone_cache.command("DEL", "market:lease")
    await lease.renew()
    assert not await Lease(nodes, "market", "b").acquire()


async def test_a_lease_that_another_one_had_meanwhile_is_lost(nodes: Nodes, lone_cache: CacheServer) -> None:
    lease, other = Lease(nodes, "market", "a"), Lease(nodes, "market", "b")
    assert await lease.acquire()
    lone_cache.command("DEL", "market:lease")
    assert await other.acquire()
    with pytest.raises(LeaseLostError):
        await lease.renew()
    assert not lease.held()
    await other.release()
    with pytest.raises(LeaseLostError):
        await lease.renew()


async def test_where_nobody_knows_who_had_it_it_is_lost(nodes: Nodes, lone_cache: CacheServer) -> None:
    lease = Lease(nodes, "market", "a")
    assert await lease.acquire()
    lone_cache.command("FLUSHALL")
    with pytest.raises(LeaseLostError):
        await lease.renew()


async def test_who_has_it_no_more_releases_nothing(nodes: Nodes, lone_cache: CacheServer) -> None:
    lease, other = Lease(nodes, "market", "a"), Lease(nodes, "market", "b")
    assert await lease.acquire()
    lone_cache.command("DEL", "market:lease")
    assert await other.acquire()
    await lease.release()
    assert not await lease.acquire()
