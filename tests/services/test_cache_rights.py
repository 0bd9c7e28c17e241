"""What the services ask of a cache is what its user there may do, by the stacks' own words."""

import ast
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cache_clock import endpoint
from cache_servers import CacheServer
from loopback import own_address
from richesreach.core.cache import Cache, Nodes
from richesreach.core.cache.kinds import PRICES
from richesreach.core.cache.local import LocalCache
from richesreach.core.limits.gcra import Tier
from richesreach.core.limits.limiter import Limiter
from richesreach.core.settings import CacheLogin, Secret

USERS = Path(__file__).parents[2] / "stacks" / "global_db" / "users.py"
PASSWORD = "right-password-of-app"


def rights_of_services() -> str:
    """The access string of the services' user, read as text: the CDK is not installed beside services."""
    for statement in ast.parse(USERS.read_text()).body:
        if isinstance(statement, ast.AnnAssign | ast.Assign) and isinstance(statement.value, ast.Dict):
            for key, value in zip(statement.value.keys, statement.value.values, strict=True):
                if isinstance(key, ast.Name) and key.id == "APP" and isinstance(value, ast.Constant):
                    return str(value.value)
    raise LookupError(f"{USERS} names no rights of APP")


@pytest.fixture
def server() -> Iterator[CacheServer]:
    rules = ["reset", f">{PASSWORD}", *rights_of_services().split()]
    started = CacheServer(*own_address(), options=("--user", "default", "off", "--user", "app", *rules))
    started.start()
    yield started
    started.stop()


@pytest.fixture
async def nodes(server: CacheServer) -> AsyncIterator[Nodes]:
    place, login = [endpoint(server)], CacheLogin("app", Secret(PASSWORD))
    opened = Nodes("cache", reads=place, writes=place, tls=False, login=login)
    yield opened
    await opened.close()


async def test_limits_are_counted_in_the_server(nodes: Nodes) -> None:
    limiter = Limiter(nodes)
    decision = await limiter.check("caller", Tier("key", 200, 60, 200))
    assert (limiter.shared, decision.remaining) == (True, 199)


async def test_values_are_stored_and_every_way_of_dropping_them_is_open(nodes: Nodes) -> None:
    cache = Cache(nodes, local=LocalCache())

    async def load() -> int:
        return 7

    for by in ({"keys": ["prices:A"]}, {"tags": ["tech"]}, {"kinds": ["prices"]}):
        assert await cache.get_or_load("prices:A", load, kind=PRICES, tags=["tech"]) == 7
        assert cache.local is not None
        cache.local.drop(["prices:A"])
        assert await cache.get("prices:A") == 7
        assert await cache.invalidate(**by)
        assert await cache.get("prices:A") is None
    assert await cache.set_many({"prices:B": 1}, ttl_seconds=60)
    assert await cache.get_many(["prices:B"]) == {"prices:B": 1}
    assert await cache.nodes[0].role() == "primary"
