"""What is kept of somebody's answers is found, by the patterns of every environment, when they are erased."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cache_servers import CachePair
from money_stores import nodes_of
from richesreach.ai_router import tenants
from richesreach.ai_router.answers.model import Stored
from richesreach.ai_router.answers.store import Answers
from richesreach.ai_router.idempotency import Claim, Idempotency, Told
from richesreach.ai_router.model import Caller
from richesreach.ai_router.wire.chat import ChatRequest
from richesreach.core.cache import Nodes

ENVIRONMENTS = sorted((Path(__file__).parents[3] / "environments").glob("*.yaml"))
QUESTION = ChatRequest.of([{"role": "user", "content": "What is a covered call?"}], temperature=0)
ANSWER = Stored(b'{"id":"kept"}', "gpt-4o-mini", "openai", 3, 4, 5, 6.0)


@pytest.fixture
async def nodes(caches: CachePair) -> AsyncIterator[Nodes]:
    found = nodes_of(caches.primary)
    yield found
    await found.close()


async def keys(nodes: Nodes, pattern: str) -> set[str]:
    found: list[bytes] = await nodes.write_directly(lambda wire: wire.call("KEYS", pattern))
    return {key.decode() for key in found}


async def answered(nodes: Nodes, caller: Caller) -> set[str]:
    """The keys of one answer to `caller`, kept as an answer and under an idempotency key."""
    before = await keys(nodes, "ai:*")
    await Answers(nodes, semantic=True).keep(tenants.team_of(caller), QUESTION, ANSWER)
    claim = await Idempotency(nodes).begin(tenants.key_of(caller), "again", b"{}")
    assert isinstance(claim, Claim)
    await claim.end(Told(200, [], b"{}"))
    return await keys(nodes, "ai:*") - before


def patterns(environment: Path, subject: str) -> list[str]:
    told: Any = yaml.safe_load(environment.read_text(encoding="utf-8"))
    given: list[str] = told["security"]["erasure"]["cache_patterns"]
    return [pattern.replace("{subject}", subject) for pattern in given]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
async def test_all_that_is_kept_of_who_is_erased_is_found_and_nothing_of_others(
    nodes: Nodes, org: str, environment: Path
) -> None:
    ada, other = f"{org}-ada", f"{org}-ada-2"
    own = await answered(nodes, Caller(ada, "own", ada))
    with_a_key = await answered(nodes, Caller(ada, "own", "key123456789"))
    as_a_member = await answered(nodes, Caller(f"{org}-fund", "desk", ada))
    await answered(nodes, Caller(other, "own", other))
    assert len(own) == 4
    found: set[str] = set()
    for pattern in patterns(environment, ada):
        found |= await keys(nodes, pattern)
    # What a team asked is its own, but for what a member asked to be told again.
    assert found == own | with_a_key | {key for key in as_a_member if key.startswith("ai:once:")}


def test_no_name_can_pass_for_another_or_for_a_pattern() -> None:
    assert tenants.place("once", "a:b\0c") != tenants.place("once", "a\0b:c")
    assert not set("*?[]\\{}") & set(tenants.place("once", "*?[]\\{}").removeprefix("ai:once:{")[:-1])
