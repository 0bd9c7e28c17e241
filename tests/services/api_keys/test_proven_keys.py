"""A key that was proven is not proven anew with every request, and counts not a moment longer for that."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from cache_servers import CachePair
from gateway_task import task_environment
from key_holder import record
from richesreach.core.auth import api_key
from richesreach.core.auth.api_key import ApiKey
from richesreach.core.auth.identity import Identity
from richesreach.core.auth.key_directory import KeyDirectory
from richesreach.core.auth.refusals import RefusedCredentialError
from richesreach.core.auth.revocations import Revocations
from richesreach.core.cache import Cache, Nodes
from richesreach.core.cache.local import LocalCache
from richesreach.core.database import Database
from richesreach.core.settings import Endpoint, Settings

NOW = datetime.now(UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def directory(own_caches: CachePair, clock: Clock) -> AsyncIterator[KeyDirectory]:
    """Of a process that has a cache and no database."""
    server = own_caches.primary
    address = [Endpoint(server.host, server.port)]
    nodes = [Nodes(name, reads=address, writes=address, tls=False) for name in ("cache", "global_cache")]
    cache = Cache(nodes[0], local=LocalCache())
    cache.open()
    database = Database(Settings.from_environment(task_environment(None, None)))
    yield KeyDirectory(database, cache, Revocations(nodes[1]), now=clock)
    await cache.close()
    for each in nodes:
        await each.close()


async def often(directory: KeyDirectory, key: ApiKey) -> list[Identity]:
    found = []
    for _ in range(5):
        found.append(await directory.find(key.text))
        await asyncio.sleep(0)
    return found


async def refused(directory: KeyDirectory, key: ApiKey) -> str:
    """Why; and that nobody takes the key for a known one either."""
    assert directory.known(key.text) is None
    with pytest.raises(RefusedCredentialError) as error:
        await directory.find(key.text)
    return error.value.reason


async def test_a_key_that_was_proven_is_its_bearers_at_once(directory: KeyDirectory) -> None:
    key = api_key.mint()
    await directory.changed(record(key))
    found = await often(directory, key)
    assert {one.subject for one in found} == {"user-1"}
    assert found[-1] is found[-2]
    assert directory.known(key.text) is found[-1]


async def test_a_secret_that_is_wrong_gains_nothing_by_the_right_one(directory: KeyDirectory) -> None:
    key = api_key.mint()
    await directory.changed(record(key))
    await often(directory, key)
    assert await refused(directory, api_key.mint(key.id)) == "unknown_api_key"


async def test_a_proven_key_ends_when_it_expires(directory: KeyDirectory, clock: Clock) -> None:
    key = api_key.mint()
    await directory.changed(record(key, expires_at=NOW + timedelta(hours=1)))
    await often(directory, key)
    clock.now += timedelta(hours=1)
    assert await refused(directory, key) == "expired_api_key"


async def test_a_proven_secret_ends_with_the_overlap_of_its_rotation(
    directory: KeyDirectory, clock: Clock
) -> None:
    old = api_key.mint()
    new = api_key.mint(old.id)
    overlap = {"previous_hash": old.digest.hex(), "previous_until": NOW + timedelta(hours=1)}
    await directory.changed(record(new, **overlap))
    await often(directory, old)
    clock.now += timedelta(hours=1)
    assert await refused(directory, old) == "unknown_api_key"
    assert (await directory.find(new.text)).subject == "user-1"


async def test_what_changes_of_a_proven_key_holds_at_once(directory: KeyDirectory) -> None:
    key = api_key.mint()
    await directory.changed(record(key))
    await often(directory, key)
    await directory.changed(record(key, roles=["trader"]))
    assert directory.known(key.text) is None
    assert (await directory.find(key.text)).roles == {"trader"}
    await often(directory, key)
    await directory.changed(record(api_key.mint(key.id)))
    assert await refused(directory, key) == "unknown_api_key"
