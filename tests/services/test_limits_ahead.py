"""What a process admits before it has asked: how much that may be, and that it is counted all the same."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from cache_clock import Clock, endpoint
from cache_servers import CachePair
from hypothesis import given
from hypothesis import strategies as st
from richesreach.core.cache import Nodes
from richesreach.core.limits.gcra import BELIEVED, MICROSECONDS, Account, Decision, Tier, decide
from richesreach.core.limits.limiter import Limiter
from stream_client import eventually

NOW = 1_767_225_600 * MICROSECONDS
WIDE = Tier("wide", quota=200, seconds=3600, burst=200)
tiers = st.builds(
    Tier, st.just("t"), quota=st.integers(1, 1000), seconds=st.integers(1, 600), burst=st.integers(1, 120)
)


@dataclass
class Process:
    """`sent` are costs, and whether they are owed; `told` resets, and what of the owed they know of."""

    account: Account = field(default_factory=Account)
    sent: deque[tuple[int, bool]] = field(default_factory=deque)
    told: deque[tuple[int, int]] = field(default_factory=deque)


class Region:
    """Processes and the shared count of one caller; what they tell each other takes as long as it likes."""

    def __init__(self, tier: Tier, processes: int) -> None:
        self.tier = tier
        self.now = NOW
        self.arrival = 0
        self.processes = [Process() for _ in range(processes)]
        self.admitted: list[tuple[int, int]] = []

    def ask(self, process: Process, cost: int) -> Decision | None:
        """A request: admitted at once, or a question that is sent after what is owed."""
        decision = process.account.spend(self.tier, self.now, cost)
        if decision is not None:
            self.admitted.append((self.now, cost))
            return decision
        self.pay(process)
        process.account.asked += 1
        process.sent.append((cost, False))
        return None

    def pay(self, process: Process) -> None:
        if process.account.owed:
            process.sent.append((process.account.send(), True))

    def count(self, process: Process) -> Decision | None:
        """The shared count hears of the oldest that the process sent."""
        if not process.sent:
            return None
        cost, owed = process.sent.popleft()
        if owed:
            self.arrival = max(self.arrival, self.now) + cost * self.tier.interval
            process.told.append((self.arrival - self.now, cost))
            return None
        decision, self.arrival = decide(self.tier, self.arrival, self.now, cost)
        if decision.admitted:
            self.admitted.append((self.now, cost))
        process.told.append((decision.reset, 0))
        return decision

    def tell(self, process: Process) -> None:
        """The process hears the oldest answer."""
        if process.told:
            reset, paid = process.told.popleft()
            process.account.asked -= not paid
            process.account.learn(self.tier, reset, self.now, paid)

    def most(self, beyond: int) -> None:
        """No window has more than the burst, the rate and so much beyond."""
        rate = self.tier.quota / (self.tier.seconds * MICROSECONDS)
        for first, (begun, _) in enumerate(self.admitted):
            taken = 0
            for at, cost in self.admitted[first:]:
                taken += cost
                assert taken <= self.tier.burst + (at - begun) * rate + beyond


def steps(processes: int) -> st.SearchStrategy[list[tuple[str, int, int]]]:
    """What happens, in which process, and a cost or microseconds."""
    number = st.integers(0, processes - 1)
    request = st.tuples(st.just("ask"), number, st.integers(1, 4) | st.integers(10, 120))
    transport = st.tuples(st.sampled_from(["pay", "count", "tell"]), number, st.just(0))
    pause = st.tuples(st.just("pause"), st.just(0), st.integers(0, 2 * MICROSECONDS))
    return st.lists(request | transport | transport | pause, max_size=150)


def run(region: Region, course: list[tuple[str, int, int]]) -> None:
    for what, number, amount in course:
        process = region.processes[number]
        match what:
            case "ask":
                region.ask(process, amount)
            case "pay":
                region.pay(process)
            case "count":
                region.count(process)
            case "tell":
                region.tell(process)
            case _:
                region.now += amount


@given(tiers, st.integers(2, 5).flatmap(lambda n: st.tuples(st.just(n), steps(n))))
def test_processes_admit_no_more_than_the_limit_and_the_share_of_each(
    tier: Tier, course: tuple[int, list[tuple[str, int, int]]]
) -> None:
    processes, happens = course
    region = Region(tier, processes)
    run(region, happens)
    region.most(beyond=processes * tier.share)


@given(tiers, steps(1))
def test_one_process_admits_no_more_than_the_limit(tier: Tier, happens: list[tuple[str, int, int]]) -> None:
    region = Region(tier, 1)
    run(region, happens)
    region.most(beyond=0)


@given(tiers, st.lists(st.tuples(st.integers(0, 5 * MICROSECONDS), st.integers(1, 4)), max_size=80))
def test_one_process_decides_as_if_it_always_asked(tier: Tier, asked: list[tuple[int, int]]) -> None:
    region, arrival = Region(tier, 1), 0
    (process,) = region.processes
    for pause, cost in asked:
        region.now += pause
        expected, arrival = decide(tier, arrival, region.now, cost)
        assert (region.ask(process, cost) or answered(region, process)) == expected
        settle(region)


def answered(region: Region, process: Process) -> Decision | None:
    """The decision on the question that was sent last."""
    decision = None
    while process.sent:
        decision = region.count(process)
    return decision


def settle(region: Region) -> None:
    """All that is owed is paid, and everything heard."""
    for process in region.processes:
        region.pay(process)
        while process.sent:
            region.count(process)
        while process.told:
            region.tell(process)


def test_the_share_of_each_process_is_reached_and_no_more() -> None:
    region = Region(WIDE, 3)
    for process in region.processes:
        region.ask(process, 1)
    settle(region)
    at_once = [region.ask(process, 1) for process in region.processes for _ in range(WIDE.share + 5)]
    assert sum(decision is not None for decision in at_once) == 3 * WIDE.share


def test_a_caller_with_less_than_half_is_asked_about() -> None:
    account = Account()
    account.learn(WIDE, WIDE.tolerance // 2 - WIDE.interval, NOW)
    assert account.spend(WIDE, NOW, 1) is not None
    assert account.spend(WIDE, NOW, 1) is None


def test_beside_a_question_nothing_is_admitted_at_once() -> None:
    region = Region(WIDE, 1)
    (process,) = region.processes
    region.ask(process, 1)
    settle(region)
    assert region.ask(process, 150) is None
    assert region.ask(process, 1) is None
    settle(region)
    assert len(region.admitted) == 3


def test_what_was_told_is_believed_for_a_while_and_never_from_the_future() -> None:
    account = Account()
    account.learn(WIDE, 0, NOW)
    assert account.spend(WIDE, NOW + BELIEVED + 1, 1) is None
    assert account.spend(WIDE, NOW - 1, 1) is None
    assert account.spend(WIDE, NOW + BELIEVED, 1) is not None


def test_a_caller_of_whom_something_was_lost_is_asked_about() -> None:
    account = Account()
    account.learn(WIDE, 0, NOW)
    account.spend(WIDE, NOW, 3)
    account.lose(account.send())
    assert account.spend(WIDE, NOW, 1) is None
    assert account.arrival == NOW + 3 * WIDE.interval  # for the time without a server


# ------------------------------------------------------------------------------------------- real servers
@pytest.fixture
async def nodes(own_caches: CachePair) -> AsyncIterator[Nodes]:
    address = endpoint(own_caches.primary)
    opened = Nodes("cache", reads=[address], writes=[address], tls=False)
    yield opened
    await opened.close()


async def test_what_is_admitted_at_once_is_counted_for_all(nodes: Nodes) -> None:
    here, there = Limiter(nodes), Limiter(nodes)
    assert here.at_once("c", WIDE) is None
    assert (await here.check("c", WIDE)).remaining == 199
    at_once = [here.at_once("c", WIDE) for _ in range(WIDE.share)]
    assert [decision and decision.remaining for decision in at_once] == [*range(198, 188, -1)]
    account = here.local._accounts.popitem()[1]
    await eventually(lambda: (account.owed, account.sent) == (0, 0), "all is counted")
    assert (await there.check("c", WIDE, cost=0)).remaining == 189


async def test_a_question_comes_after_what_is_owed(nodes: Nodes) -> None:
    limiter = Limiter(nodes)
    await limiter.check("c", WIDE)
    assert limiter.at_once("c", WIDE, cost=3) is not None
    assert (await limiter.check("c", WIDE, cost=0)).remaining == 196


async def test_what_many_owe_is_one_call(nodes: Nodes, own_caches: CachePair) -> None:
    limiter = Limiter(nodes)
    callers = [f"c{number}" for number in range(50)]
    await asyncio.gather(*(limiter.check(caller, WIDE) for caller in callers))
    before = calls(own_caches)
    assert None not in [limiter.at_once(caller, WIDE) for caller in callers for _ in range(2)]
    known = limiter.local._accounts.values()
    await eventually(lambda: not any(account.owed or account.sent for account in known), "all is counted")
    assert calls(own_caches) - before == 1


def calls(pair: CachePair) -> int:
    found = re.search(r"cmdstat_evalsha:calls=(\d+)", pair.primary.command("INFO", "commandstats"))
    return int(found[1]) if found else 0


async def test_without_a_server_what_was_admitted_at_once_counts_in_the_process(
    nodes: Nodes, own_caches: CachePair
) -> None:
    limiter = Limiter(nodes, now=Clock())
    await limiter.check("c", WIDE)
    own_caches.primary.stop()
    assert limiter.at_once("c", WIDE, cost=5) is not None
    assert (await limiter.check("c", WIDE, cost=50)).remaining == 144
    assert not limiter.shared


async def test_a_caller_that_gives_up_leaves_nothing_asked(nodes: Nodes) -> None:
    limiter = Limiter(nodes)
    leaving = asyncio.create_task(limiter.check("c", WIDE))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await limiter.check("c", WIDE)).remaining == 198
    assert limiter.at_once("c", WIDE) is not None
