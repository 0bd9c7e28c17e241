"""Idempotency keys: done once, answered alike, and never another request's answer."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from cache_servers import CachePair, CacheServer
from loopback import own_address
from money_stores import nodes_of
from richesreach.ai_router.idempotency import Claim, Idempotency, Told
from richesreach.core.cache import Nodes
from richesreach.core.problems import Problem

TOLD = Told(200, [(b"content-type", b"application/json")], b'{"id":"chatcmpl-1"}')


@pytest.fixture
async def nodes(caches: CachePair) -> AsyncIterator[Nodes]:
    found = nodes_of(caches.primary)
    yield found
    await found.close()


async def claimed(keys: Idempotency, tenant: str, body: bytes = b"{}", key: str = "k") -> Claim:
    found = await keys.begin(tenant, key, body)
    assert isinstance(found, Claim)
    return found


async def test_a_request_that_is_sent_again_is_answered_as_the_first_time(nodes: Nodes, org: str) -> None:
    await (await claimed(Idempotency(nodes), org)).end(TOLD)
    assert await Idempotency(nodes).begin(org, "k", b"{}") == TOLD
    await claimed(Idempotency(nodes), org, key="another")
    await claimed(Idempotency(nodes), f"{org}-other")


async def test_another_request_with_the_same_key_is_a_conflict(nodes: Nodes, org: str) -> None:
    keys = Idempotency(nodes)
    claim = await claimed(keys, org)
    for _ in range(2):
        with pytest.raises(Problem) as refused:
            await keys.begin(org, "k", b'{"n":2}')
        assert (refused.value.status, refused.value.kind) == (422, "idempotency-key-reused")
        await claim.end(TOLD)
    with pytest.raises(Problem):
        await keys.begin(org, "k", b"{}", path="/v1/embeddings")


async def test_who_repeats_a_request_that_is_under_way_waits_for_its_answer(nodes: Nodes, org: str) -> None:
    claim = await claimed(Idempotency(nodes), org)
    others = [asyncio.create_task(Idempotency(nodes).begin(org, "k", b"{}")) for _ in range(5)]
    await asyncio.sleep(0.2)
    assert not any(other.done() for other in others)
    await claim.end(TOLD)
    assert await asyncio.gather(*others) == [TOLD] * 5


async def test_who_has_waited_long_enough_is_told_to_come_again(nodes: Nodes, org: str) -> None:
    await claimed(Idempotency(nodes), org)
    with pytest.raises(Problem) as refused:
        await Idempotency(nodes, longest=0.0).begin(org, "k", b"{}")
    assert (refused.value.status, refused.value.headers) == (409, {"retry-after": "2"})


async def test_of_many_that_come_at_once_one_is_done(nodes: Nodes, org: str) -> None:
    done = 0

    async def one() -> Told:
        nonlocal done
        found = await Idempotency(nodes).begin(org, "k", b"{}")
        if isinstance(found, Claim):
            done += 1
            await asyncio.sleep(0.05)
            await found.end(TOLD)
            return TOLD
        return found

    assert await asyncio.gather(*(one() for _ in range(30))) == [TOLD] * 30
    assert done == 1


@pytest.mark.parametrize("status", [402, 429, 500, 503])
async def test_a_failure_is_not_remembered(nodes: Nodes, org: str, status: int) -> None:
    await (await claimed(Idempotency(nodes), org)).end(Told(status, [], b""))
    await (await claimed(Idempotency(nodes), org)).abandon()
    await claimed(Idempotency(nodes), org)


async def test_the_claim_of_a_process_that_died_runs_out_and_ends_no_other(nodes: Nodes, org: str) -> None:
    dead = await claimed(Idempotency(nodes, claimed=0.05), org)
    await asyncio.sleep(0.1)
    await claimed(Idempotency(nodes), org)
    await dead.end(TOLD)
    with pytest.raises(Problem):
        await Idempotency(nodes, longest=0.0).begin(org, "k", b"{}")


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb", "schlüssel"])
async def test_a_key_that_is_none_is_refused(nodes: Nodes, org: str, key: str) -> None:
    with pytest.raises(Problem) as refused:
        await Idempotency(nodes).begin(org, key, b"{}")
    assert refused.value.status == 400


async def test_without_a_cache_nobody_promises_to_do_it_once(org: str) -> None:
    nodes = nodes_of(CacheServer(*own_address()))
    with pytest.raises(Problem) as refused:
        await Idempotency(nodes).begin(org, "k", b"{}")
    assert (refused.value.status, refused.value.kind) == (503, "idempotency-unavailable")
    await nodes.close()
