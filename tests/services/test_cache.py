"""The cache: whatever happens to its nodes, callers see values and misses, never errors."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from cache_clock import Clock, endpoint
from cache_servers import CachePair, CacheServer
from loopback import own_address
from richesreach.core import logs
from richesreach.core.cache import Cache, Nodes, nodes
from richesreach.core.cache.local import LocalCache
from richesreach.core.cache.nodes import COOL_DOWN
from richesreach.core.cache.wire import Wire
from richesreach.core.settings import CacheLogin, Secret

PAUSE = COOL_DOWN + 0.001


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def cache(own_caches: CachePair, clock: Clock) -> AsyncIterator[Cache]:
    """A regional cache: its primary first, for reads and writes."""
    nodes = [endpoint(own_caches.primary), endpoint(own_caches.replica)]
    opened = Cache(Nodes("cache", reads=nodes, writes=nodes, tls=False, clock=clock))
    yield opened
    await opened.close()


async def test_a_value_comes_back(cache: Cache) -> None:
    value = {"symbol": "AAPL", "closes": [189.5, 190.25], "halted": None}
    assert await cache.set("prices:AAPL", value, ttl_seconds=60)
    assert await cache.get("prices:AAPL") == value


async def test_a_deleted_value_is_gone(cache: Cache) -> None:
    await cache.set("k", 1, ttl_seconds=60)
    assert await cache.delete("k")
    assert await cache.get("k") is None


@pytest.fixture
def guarded() -> Iterator[CacheServer]:
    """A server with a user group: nobody without a name, and `app` for data alone."""
    rules = "reset on >right-password-of-app ~* -@all +@read +@write +@scripting +time +@connection +info"
    users = ("--user", "default", "off", "--user", "app", *rules.split())
    server = CacheServer(*own_address(), options=users)
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("login", "taken"),
    [
        (CacheLogin("app", Secret("right-password-of-app")), True),
        (CacheLogin("app", Secret("wrong-password-of-app")), False),
        (None, False),
    ],
    ids=["own", "wrong", "none"],
)
async def test_values_are_taken_under_the_right_name_and_password_alone(
    guarded: CacheServer, login: CacheLogin | None, taken: bool
) -> None:
    nodes = [endpoint(guarded)]
    cache = Cache(Nodes("cache", reads=nodes, writes=nodes, tls=False, login=login))
    try:
        assert await cache.set("k", 1, ttl_seconds=60) is taken
        assert await cache.get("k") == (1 if taken else None)
        if taken:
            assert await cache.nodes[0].role() == "primary"
    finally:
        await cache.close()


async def test_a_value_has_the_time_to_live_it_was_given(cache: Cache, own_caches: CachePair) -> None:
    await cache.set("k", 1, ttl_seconds=60)
    assert own_caches.primary.command("TTL", "k").strip() in {":60", ":59"}


async def test_the_hit_ratio_is_hits_of_reads(cache: Cache) -> None:
    await cache.set("k", 1, ttl_seconds=60)
    for key in ("k", "k", "k", "absent"):
        await cache.get(key)
    assert cache.hit_ratio == 0.75


async def test_an_unreadable_value_is_a_miss(cache: Cache, own_caches: CachePair) -> None:
    own_caches.primary.command("SET", "k", "{half")
    assert await cache.get("k") is None


async def test_a_key_of_another_type_is_a_miss(cache: Cache, own_caches: CachePair) -> None:
    own_caches.primary.command("LPUSH", "k", "1")
    assert await cache.get("k") is None


async def test_reads_go_on_without_the_primary(cache: Cache, own_caches: CachePair) -> None:
    await cache.set("k", 1, ttl_seconds=60)
    own_caches.replicated()
    own_caches.primary.stop()
    assert await cache.get("k") == 1


async def test_writes_without_a_primary_are_lost_without_an_error(
    cache: Cache, own_caches: CachePair
) -> None:
    own_caches.primary.stop()
    assert not await cache.set("k", 1, ttl_seconds=60)


async def test_without_any_node_reads_are_misses(cache: Cache, own_caches: CachePair) -> None:
    own_caches.primary.stop()
    own_caches.replica.stop()
    assert await cache.get("k") is None
    assert not await cache.delete("k")


async def test_writes_follow_a_replica_promoted_after_the_primary_died(
    cache: Cache, own_caches: CachePair, clock: Clock
) -> None:
    own_caches.primary.stop()
    assert not await cache.set("k", 1, ttl_seconds=60)
    own_caches.replica.promote()
    clock.now += PAUSE
    assert await cache.set("k", 2, ttl_seconds=60)
    assert await cache.get("k") == 2


async def test_writes_leave_a_primary_that_became_a_replica(cache: Cache, own_caches: CachePair) -> None:
    assert await cache.set("k", 1, ttl_seconds=60)
    own_caches.replica.promote()
    own_caches.primary.demote(own_caches.replica)
    assert await cache.set("k", 2, ttl_seconds=60)
    assert own_caches.replica.command("GET", "k").split()[-1] == "2"


async def test_a_read_only_node_is_not_asked_for_writes_again_before_its_cool_down_ends(
    cache: Cache, own_caches: CachePair, clock: Clock
) -> None:
    own_caches.replica.promote()
    own_caches.primary.demote(own_caches.replica)
    for _ in range(3):
        assert await cache.set("k", 1, ttl_seconds=60)
    assert "rejected_calls=1" in own_caches.primary.command("INFO", "commandstats")
    clock.now += PAUSE
    assert await cache.set("k", 1, ttl_seconds=60)
    assert "rejected_calls=2" in own_caches.primary.command("INFO", "commandstats")


async def test_a_dead_node_is_not_asked_again_before_its_cool_down_ends(
    cache: Cache, own_caches: CachePair, clock: Clock
) -> None:
    own_caches.primary.stop()
    await cache.get("k")
    own_caches.primary.start()
    own_caches.primary.command("SET", "k", "1")
    assert await cache.get("k") is None
    clock.now += PAUSE
    assert await cache.get("k") == 1


async def test_a_dead_node_is_told_once_and_its_return_too(
    cache: Cache, own_caches: CachePair, clock: Clock
) -> None:
    log = io.StringIO()
    logs.configure(service="test", region="eu-west-1", level="INFO", stream=log)
    own_caches.primary.stop()
    for _ in range(3):
        clock.now += PAUSE
        await cache.get("k")
    own_caches.primary.start()
    clock.now += PAUSE
    await cache.get("k")
    told = [json.loads(line)["event"] for line in log.getvalue().splitlines()]
    assert told == ["cache_node_unreachable", "cache_node_back"]


async def test_the_global_cache_reads_here_and_writes_at_home(own_caches: CachePair, clock: Clock) -> None:
    home, here = endpoint(own_caches.primary), endpoint(own_caches.replica)
    cache = Cache(Nodes("global_cache", reads=[here, home], writes=[home, here], tls=False, clock=clock))
    assert await cache.set("flags", ["a"], ttl_seconds=60)
    own_caches.replicated()
    own_caches.primary.stop()
    assert await cache.get("flags") == ["a"]
    await cache.close()


class Asked:
    """Asks nodes for a sign of life, and keeps whom it asked."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []

    async def __call__(self, wire: Wire) -> bool:
        self.wires.append(wire)
        return bool(await wire.call("PING"))


async def test_one_caller_finds_out_whether_a_node_is_back(
    cache: Cache, own_caches: CachePair, clock: Clock
) -> None:
    own_caches.primary.stop()
    await cache.get("k")
    clock.now += PAUSE
    asked = Asked()
    await asyncio.gather(*(cache.servers.read_value(asked) for _ in range(20)))
    assert asked.wires.count(cache.nodes[0].values) == 1


@pytest.mark.parametrize("turns", range(5))
async def test_a_process_that_was_held_up_takes_no_server_for_dead(
    caches: CachePair, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it waits for when that happens: a connection, or an answer."""
    monkeypatch.setattr(nodes, "SOCKET_TIMEOUT", 0.05)
    servers = [endpoint(caches.primary)]
    cache = Cache(Nodes("cache", reads=servers, writes=servers, tls=False))
    invalidating = asyncio.create_task(cache.invalidate(keys=["held-up"]))
    for _ in range(turns):
        await asyncio.sleep(0)
    hold_up(0.2)
    assert await invalidating
    assert await cache.set("held-up", 1, ttl_seconds=60)
    await cache.close()


async def test_a_process_that_was_held_up_listening_takes_no_server_for_dead(
    caches: CachePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "SOCKET_TIMEOUT", 0.05)
    servers = [endpoint(caches.primary)]
    cache = Cache(Nodes("cache", reads=servers, writes=servers, tls=False), local=LocalCache())
    cache.open()
    await asyncio.sleep(0)
    hold_up(0.2)
    await asyncio.sleep(0.02)
    assert await cache.set("held-up", 1, ttl_seconds=60)
    await cache.close()


def hold_up(seconds: float) -> None:
    """Nothing else runs in this process meanwhile, as while it collects garbage."""
    time.sleep(seconds)
