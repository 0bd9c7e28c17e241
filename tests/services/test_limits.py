"""Limits: what the algorithm admits, the same in the server's script, and without a server."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Sequence

import pytest
from cache_clock import Clock, endpoint
from cache_servers import CachePair
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.exceptions import ReadOnlyError
from richesreach.core.cache import Nodes
from richesreach.core.limits.gcra import MICROSECONDS, Decision, LocalLimits, Tier, decide
from richesreach.core.limits.limiter import Limiter, SharedCounts, as_decision
from richesreach.core.limits.questions import Counted, Met, Question, Questions, Turn

NOW = 1_767_225_600 * MICROSECONDS
MINUTE = Tier("anonymous", quota=60, seconds=60, burst=60)
tiers = st.builds(
    Tier, st.just("t"), quota=st.integers(1, 1000), seconds=st.integers(1, 3600), burst=st.integers(1, 50)
)
# Microseconds since the request before, and what the request costs.
requests = st.lists(st.tuples(st.integers(0, 30 * MICROSECONDS), st.integers(1, 5)), max_size=60)


@given(tiers, requests)
def test_no_window_ever_admits_more_than_the_burst_and_the_rate_allow(
    tier: Tier, asked: list[tuple[int, int]]
) -> None:
    now, arrival = NOW, 0
    admitted: list[tuple[int, int]] = []
    for pause, cost in asked:
        now += pause
        decision, arrival = decide(tier, arrival, now, cost)
        if decision.admitted:
            admitted.append((now, cost))
    for first in range(len(admitted)):
        for last in range(first, len(admitted)):
            window = admitted[last][0] - admitted[first][0]
            taken = sum(cost for _, cost in admitted[first : last + 1])
            assert taken <= tier.burst + window * tier.quota / (tier.seconds * MICROSECONDS)


@given(tiers, requests)
def test_waiting_as_long_as_told_is_enough_and_a_microsecond_less_is_not(
    tier: Tier, asked: list[tuple[int, int]]
) -> None:
    now, arrival = NOW, 0
    for pause, cost in asked:
        now += pause
        decision, after = decide(tier, arrival, now, cost)
        if not decision.admitted and decision.retry_after is not None:
            assert decide(tier, after, now + decision.retry_after, cost)[0].admitted
            assert not decide(tier, after, now + decision.retry_after - 1, cost)[0].admitted
        arrival = after


@given(tiers, requests)
def test_what_remains_is_what_is_admitted(tier: Tier, asked: list[tuple[int, int]]) -> None:
    now, arrival = NOW, 0
    for pause, cost in asked:
        now += pause
        decision, arrival = decide(tier, arrival, now, cost)
        if decision.remaining:
            assert decide(tier, arrival, now, decision.remaining)[0].admitted
        assert not decide(tier, arrival, now, decision.remaining + 1)[0].admitted


def test_a_new_caller_has_the_burst_and_then_the_rate() -> None:
    local = LocalLimits()
    at_once = [local.check("c", MINUTE, NOW).admitted for _ in range(61)]
    assert at_once == [True] * 60 + [False]
    a_second_later = [local.check("c", MINUTE, NOW + MICROSECONDS).admitted for _ in range(2)]
    assert a_second_later == [True, False]


def test_a_request_beyond_the_burst_is_never_possible() -> None:
    decision, _ = decide(MINUTE, 0, NOW, cost=61)
    assert (decision.admitted, decision.retry_after, decision.remaining) == (False, None, 60)


def test_callers_of_long_ago_are_forgotten() -> None:
    local = LocalLimits(max_callers=100)
    for number in range(1000):
        local.check(f"c{number}", MINUTE, NOW)
    assert len(local) == 100


@pytest.fixture
async def nodes(caches: CachePair) -> AsyncIterator[Nodes]:
    opened = Nodes("cache", reads=[endpoint(caches.primary)], writes=[endpoint(caches.primary)], tls=False)
    yield opened
    await opened.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tier=tiers, asked=requests)
async def test_the_server_decides_as_the_process_does(
    nodes: Nodes, tier: Tier, asked: list[tuple[int, int]]
) -> None:
    counts, local, now, name = SharedCounts(nodes), LocalLimits(), NOW, uuid.uuid4()
    for pause, cost in asked:
        now += pause
        (counted,) = await counts.ask([(f"limit:{name}", tier, cost, False)], now)
        assert as_decision(tier, cost, counted) == local.check("c", tier, now, cost)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(st.tuples(st.sampled_from("abc"), tiers, st.integers(0, 5)), min_size=1, max_size=20))
async def test_questions_that_are_asked_together_are_answered_as_one_after_the_other(
    nodes: Nodes, asked: list[tuple[str, Tier, int]]
) -> None:
    counts, local, name = SharedCounts(nodes), LocalLimits(), uuid.uuid4()
    questions = [(f"limit:{name}:{caller}", tier, cost, False) for caller, tier, cost in asked]
    counted = await counts.ask(questions, NOW)
    for (caller, tier, cost), found in zip(asked, counted, strict=True):
        assert as_decision(tier, cost, found) == local.check(caller, tier, NOW, cost)


async def test_callers_of_one_moment_are_one_question_to_the_server(own_caches: CachePair) -> None:
    address = endpoint(own_caches.primary)
    servers = Nodes("cache", reads=[address], writes=[address], tls=False)
    limiter, tier = Limiter(servers), Tier("t", quota=5, seconds=3600, burst=5)
    await limiter.check("a", tier)
    asked = own_caches.primary.command("INFO", "commandstats")
    decisions = await asyncio.gather(*(limiter.check(name, tier) for name in "aaaaaab"))
    assert [decision.admitted for decision in decisions] == [True] * 4 + [False] * 2 + [True]
    before, after = (
        int(re.findall(r"cmdstat_evalsha:calls=(\d+)|$", stats)[0] or 0)
        for stats in (asked, own_caches.primary.command("INFO", "commandstats"))
    )
    assert after - before == 1
    await servers.close()


async def test_nobody_waits_behind_a_question_that_the_server_does_not_answer() -> None:
    silent = asyncio.Event()
    asked: list[list[str]] = []

    async def ask(questions: Sequence[Question]) -> list[Counted]:
        asked.append([name for name, *_ in questions])
        if len(asked) == 1:
            await silent.wait()
        return [(1, 0, 0, 0)] * len(questions)

    questions = Questions(ask)
    first = questions.ask(("a", MINUTE, 1, False))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [questions.ask((name, MINUTE, 1, False)) for name in "bc"]
    assert await asyncio.gather(*others) == [(1, 0, 0, 0)] * 2
    assert await questions.ask(("d", MINUTE, 1, False)) == (1, 0, 0, 0)
    assert (asked, first.done()) == ([["a"], ["b", "c"], ["d"]], False)
    silent.set()
    assert await first == (1, 0, 0, 0)


async def test_what_goes_wrong_is_each_caller_s_and_the_next_question_s_not() -> None:
    async def ask(questions: Sequence[Question]) -> list[Counted]:
        if questions[0][0] == "bad":
            raise ConnectionError("no server")
        return [(1, 0, 0, 0)] * len(questions)

    questions = Questions(ask)
    found = await asyncio.gather(
        *(questions.ask(("bad", MINUTE, 1, False)) for _ in range(3)), return_exceptions=True
    )
    assert [type(error) for error in found] == [ConnectionError] * 3
    assert await questions.ask(("good", MINUTE, 1, False)) == (1, 0, 0, 0)


async def test_what_a_direct_call_meets_is_told_to_whoever_asks_at_length(nodes: Nodes) -> None:
    refused, where = ReadOnlyError("demoted"), object()
    told: list[Met] = []

    class Refused:
        def send(self, _questions: Sequence[Question], turn: Turn[Question, Counted]) -> bool:
            turn.where = where
            asyncio.get_running_loop().call_soon(turn.set_exception, refused)
            return True

        def read(self, _answer: object) -> list[Counted]:
            raise AssertionError("there was no answer")

        async def after(self, questions: Sequence[Question], met: Met) -> list[Counted]:
            told.append(met)
            return [(1, 0, 0, 0)] * len(questions)

    questions = Questions(SharedCounts(nodes).ask, Refused())
    assert await questions.ask(("a", MINUTE, 1, False)) == (1, 0, 0, 0)
    assert told == [Met(refused, where)]


async def test_a_promotion_is_followed_in_the_call_that_finds_it(own_caches: CachePair) -> None:
    addresses = [endpoint(own_caches.primary), endpoint(own_caches.replica)]
    servers = Nodes("cache", reads=addresses, writes=addresses, tls=False)
    limiter, tier = Limiter(servers), Tier("t", quota=5, seconds=3600, burst=5)
    for _ in range(2):  # the second one directly
        await limiter.check("a", tier)
    own_caches.replicated()
    own_caches.replica.promote()
    own_caches.primary.demote(own_caches.replica)
    assert (await limiter.check("a", tier)).remaining == 2
    assert limiter.shared
    await servers.close()


async def test_a_caller_that_gives_up_takes_the_answer_from_nobody(nodes: Nodes, own_name: str) -> None:
    limiter, tier = Limiter(nodes), Tier("t", quota=5, seconds=3600, burst=5)
    impatient = asyncio.create_task(limiter.check(own_name, tier))
    patient = asyncio.create_task(limiter.check(own_name, tier))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).admitted


async def test_processes_share_what_a_caller_may_ask(nodes: Nodes, own_name: str) -> None:
    tier = Tier("t", quota=6, seconds=3600, burst=6)
    here, there = Limiter(nodes), Limiter(nodes)
    admitted = [(await limiter.check(own_name, tier)).admitted for limiter in [here, there] * 4]
    assert admitted == [True] * 6 + [False] * 2
    assert here.shared
    assert here.refused["t"] + there.refused["t"] == 2


async def test_looking_costs_nothing(nodes: Nodes, own_name: str) -> None:
    limiter, tier = Limiter(nodes), Tier("t", quota=2, seconds=3600, burst=2)
    looks: list[Decision] = [await limiter.check(own_name, tier, cost=0) for _ in range(5)]
    assert {look.remaining for look in looks} == {2}
    assert (await limiter.check(own_name, tier, cost=2)).admitted


async def test_the_server_does_not_see_a_key(nodes: Nodes, caches: CachePair) -> None:
    await Limiter(nodes).check("rr_secret_key_2718", MINUTE)
    assert "rr_secret" not in caches.primary.command("KEYS", "*")


async def test_without_a_server_the_process_goes_on_counting_where_the_server_was(
    own_caches: CachePair,
) -> None:
    clock = Clock()
    address = endpoint(own_caches.primary)
    servers = Nodes("cache", reads=[address], writes=[address], tls=False)
    limiter, tier = Limiter(servers, now=clock), Tier("t", quota=5, seconds=3600, burst=5)
    assert [(await limiter.check("c", tier)).admitted for _ in range(3)] == [True] * 3
    own_caches.primary.stop()
    assert [(await limiter.check("c", tier)).admitted for _ in range(3)] == [True, True, False]
    assert not limiter.shared
    await servers.close()


@pytest.fixture
def own_name(request: pytest.FixtureRequest) -> str:
    """A caller of this test alone."""
    return request.node.name
