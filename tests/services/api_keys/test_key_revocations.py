"""Who hears of an API key that was revoked, and for how long it is remembered."""

import asyncio

import httpx
import pytest
from cache_servers import CachePair
from gateway_task import task_environment
from key_holder import LIST, issued, person, record, status_with, until
from richesreach.core.app import Platform
from richesreach.core.auth import api_key
from richesreach.core.auth.refusals import RefusedCredentialError
from richesreach.core.auth.revocations import INTERVAL, REMEMBERED, Revocations
from richesreach.core.settings import Settings
from token_issuer import Issuer


async def test_a_revoked_key_is_refused_at_once_and_says_so(
    client: httpx.AsyncClient, signing: Issuer
) -> None:
    made = await issued(client, person(signing))
    assert await status_with(client, made["key"]) == 200
    revoked = [await client.delete(f"{LIST}/{made['id']}", headers=person(signing)) for _ in range(2)]
    refused = await client.get(LIST, headers={"x-api-key": made["key"]})
    assert [answer.status_code for answer in revoked] == [204, 204]
    assert (refused.status_code, refused.json()["detail"]) == (401, "The API key was revoked.")


async def test_a_revocation_is_known_in_every_process_of_every_region(
    tasks: list[httpx.AsyncClient], signing: Issuer
) -> None:
    made = await issued(tasks[0], person(signing))
    for task in tasks:  # each keeps the key in its memory now
        await until(task, made["key"], 200)
    await tasks[0].delete(f"{LIST}/{made['id']}", headers=person(signing))
    await asyncio.gather(*(until(task, made["key"], 401) for task in tasks))


async def test_a_region_that_caches_an_old_row_refuses_a_revoked_key_all_the_same(
    own_caches: CachePair,
) -> None:
    """As where a replica is behind: what the region's own cache holds does not bring the key back."""
    settings = Settings.from_environment(task_environment(None, own_caches))
    platform = Platform.from_settings(settings)
    key = api_key.mint()
    revocations = Revocations(platform.global_cache.servers)
    await platform.keys.changed(record(key))
    assert (await platform.keys.find(key.text)).subject == "user-1"
    await revocations.tell(key.id)
    await platform.keys._revocations.look()
    with pytest.raises(RefusedCredentialError) as refused:
        await platform.keys.find(key.text)
    assert refused.value.reason == "revoked_api_key"
    await platform.close()


async def test_revocations_are_forgotten_once_every_cache_has_forgotten_the_key(
    own_caches: CachePair,
) -> None:
    settings = Settings.from_environment(task_environment(None, own_caches))
    platform = Platform.from_settings(settings)
    at = [1000.0]
    known = Revocations(platform.global_cache.servers, now=lambda: at[0])
    await known.tell("A" * 12)
    at[0] += REMEMBERED - INTERVAL
    await known.look()
    assert "A" * 12 in known
    at[0] += INTERVAL * 2
    await known.look()
    assert "A" * 12 not in known
    await platform.close()


async def test_what_was_revoked_stays_so_while_the_datastore_is_away(own_caches: CachePair) -> None:
    platform = Platform.from_settings(Settings.from_environment(task_environment(None, own_caches)))
    known = Revocations(platform.global_cache.servers)
    own_caches.primary.stop()
    own_caches.replica.stop()
    assert await known.tell("A" * 12) is False
    await known.look()
    assert "A" * 12 in known
    await platform.close()


async def test_what_was_revoked_while_the_datastore_was_away_is_told_when_it_is_back(
    own_caches: CachePair,
) -> None:
    platform = Platform.from_settings(Settings.from_environment(task_environment(None, own_caches)))
    here, elsewhere = (Revocations(platform.global_cache.servers) for _ in range(2))
    own_caches.primary.stop()
    own_caches.replica.stop()
    assert await here.tell("A" * 12) is False
    own_caches.primary.start()
    async with asyncio.timeout(60):
        while "A" * 12 not in elsewhere:
            await here.look()
            await elsewhere.look()
            await asyncio.sleep(0.1)
    await platform.close()
