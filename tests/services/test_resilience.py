"""Calls of a dependency in trouble: tried again within a budget, left alone, and kept from holding
everything.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from cache_clock import Clock
from hypothesis import given
from hypothesis import strategies as st
from richesreach.core.resilience import deadline
from richesreach.core.resilience.breaker import CircuitBreaker, Policy, State
from richesreach.core.resilience.bulkhead import Bulkhead
from richesreach.core.resilience.errors import BulkheadFullError, CircuitOpenError, DeadlineExceededError
from richesreach.core.resilience.retry import Retries, RetryBudget

POLICY = Policy()


class Dependency:
    """Fails as often as it is told, then answers."""

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or OSError("connection refused")
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return "answer"


def retries(**options: int) -> Retries:
    return Retries((OSError,), first_wait=0.0, **options)


async def test_a_call_that_fails_is_made_again() -> None:
    dependency = Dependency(failures=2)
    assert await retries().call(dependency) == "answer"
    assert dependency.calls == 3


async def test_the_last_error_is_the_caller_s() -> None:
    dependency = Dependency(failures=9)
    with pytest.raises(OSError, match="refused"):
        await retries(attempts=4).call(dependency)
    assert dependency.calls == 4


async def test_an_error_that_would_come_again_is_not_retried() -> None:
    dependency = Dependency(failures=9, error=ValueError("no such symbol"))
    with pytest.raises(ValueError, match="symbol"):
        await retries().call(dependency)
    assert dependency.calls == 1


async def test_nothing_is_retried_when_nobody_waits_any_more() -> None:
    dependency = Dependency(failures=9)
    with deadline.within(0), pytest.raises(OSError, match="refused"):
        await retries().call(dependency)
    assert dependency.calls == 1


async def test_when_everything_fails_retries_are_a_small_share_of_the_calls() -> None:
    clock = Clock()
    budget = RetryBudget(ratio=0.2, floor=0, clock=clock)
    calls, tried = 1000, Retries((OSError,), attempts=5, budget=budget, first_wait=0.0)
    dependency = Dependency(failures=10**9)
    for _ in range(calls):
        with pytest.raises(OSError, match="refused"):
            await tried.call(dependency)
    assert dependency.calls <= calls * 1.2 + 10
    assert tried.made == dependency.calls - calls


@given(st.lists(st.sampled_from(["earn", "spend", "wait"]), max_size=200))
def test_a_budget_never_pays_for_more_than_it_earned(steps: list[str]) -> None:
    clock = Clock()
    budget = RetryBudget(ratio=0.5, floor=1, clock=clock)
    earned, spent = 10.0, 0
    for step in steps:
        if step == "earn":
            budget.earn()
            earned += 0.5
        elif step == "spend":
            spent += budget.spend()
        else:
            clock.now += 1
            earned += 1
        assert spent <= earned


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker("prices", clock=clock)


async def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(OSError, match="refused"):
            await breaker.call(Dependency(failures=1))


async def opened(breaker: CircuitBreaker, clock: Clock) -> None:
    await fail(breaker, POLICY.least)
    assert breaker.state is State.OPEN
    clock.now += 1.3 * POLICY.pause


async def test_a_circuit_opens_when_most_calls_fail_and_calls_no_more(breaker: CircuitBreaker) -> None:
    await fail(breaker, POLICY.least)
    dependency = Dependency()
    with pytest.raises(CircuitOpenError, match="prices") as caught:
        await breaker.call(dependency)
    assert dependency.calls == 0
    assert 0 < caught.value.retry_after <= 1.25 * POLICY.pause


async def test_a_few_failures_open_nothing(breaker: CircuitBreaker) -> None:
    await fail(breaker, POLICY.least - 1)
    assert breaker.state is State.CLOSED


async def test_failures_beside_as_many_successes_open_nothing(breaker: CircuitBreaker) -> None:
    for _ in range(3 * POLICY.least):
        await breaker.call(Dependency())
        await fail(breaker, 1)
    assert breaker.state is State.CLOSED


async def test_failures_of_long_ago_do_not_count(breaker: CircuitBreaker, clock: Clock) -> None:
    await fail(breaker, POLICY.least - 1)
    clock.now += POLICY.window + 1
    await fail(breaker, 1)
    assert breaker.state is State.CLOSED


async def test_errors_that_the_call_deserves_open_nothing(breaker: CircuitBreaker) -> None:
    for _ in range(2 * POLICY.least):
        with pytest.raises(ValueError, match="symbol"):
            await breaker.call(Dependency(failures=1, error=ValueError("no such symbol")))
    assert breaker.state is State.CLOSED


async def test_calls_that_had_too_little_time_say_nothing_about_the_dependency(
    breaker: CircuitBreaker,
) -> None:
    for _ in range(3 * POLICY.least):
        with pytest.raises(DeadlineExceededError):
            await breaker.call(Dependency(failures=1, error=DeadlineExceededError("no time is left")))
    assert breaker.state is State.CLOSED
    await fail(breaker, POLICY.least)
    assert breaker.state is State.OPEN


async def test_a_probe_that_had_too_little_time_decides_nothing(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await opened(breaker, clock)
    for _ in range(2 * POLICY.probes):
        with pytest.raises(DeadlineExceededError):
            await breaker.call(Dependency(failures=1, error=DeadlineExceededError("no time is left")))
    assert breaker.state is State.HALF_OPEN


async def test_after_its_pause_a_circuit_closes_when_its_probes_succeed(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await opened(breaker, clock)
    assert breaker.state is State.HALF_OPEN
    for _ in range(POLICY.probes):
        assert await breaker.call(Dependency()) == "answer"
    assert breaker.state is State.CLOSED
    assert breaker.changes == {State.OPEN: 1, State.HALF_OPEN: 1, State.CLOSED: 1}


async def test_a_probe_that_fails_opens_the_circuit_for_twice_as_long(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await opened(breaker, clock)
    await fail(breaker, 1)
    clock.now += 1.3 * POLICY.pause
    assert breaker.state is State.OPEN
    clock.now += 1.3 * POLICY.pause
    assert breaker.state is State.HALF_OPEN


async def test_while_probing_only_a_few_calls_pass_at_a_time(breaker: CircuitBreaker, clock: Clock) -> None:
    await opened(breaker, clock)
    gate = asyncio.Event()

    async def slow() -> None:
        await gate.wait()

    probes = [asyncio.create_task(breaker.call(slow)) for _ in range(POLICY.probes)]
    await asyncio.sleep(0)
    with pytest.raises(CircuitOpenError):
        await breaker.call(Dependency())
    gate.set()
    await asyncio.gather(*probes)
    assert breaker.state is State.CLOSED


async def test_a_probe_that_was_cancelled_leaves_its_place(breaker: CircuitBreaker, clock: Clock) -> None:
    await opened(breaker, clock)
    for _ in range(2 * POLICY.probes):
        probe = asyncio.create_task(breaker.call(asyncio.Event().wait))
        await asyncio.sleep(0)
        probe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probe
    assert await breaker.call(Dependency()) == "answer"


async def test_a_bulkhead_holds_no_more_than_its_size() -> None:
    bulkhead, gate, most = Bulkhead("reports", size=3, queue=7, patience=30), asyncio.Event(), 0

    async def work() -> None:
        nonlocal most
        async with bulkhead.place():
            most = max(most, bulkhead.active)
            await gate.wait()

    tasks = [asyncio.create_task(work()) for _ in range(10)]
    await asyncio.sleep(0)
    with pytest.raises(BulkheadFullError, match="reports: 3 of 3"):
        await work()
    gate.set()
    await asyncio.gather(*tasks)
    assert (most, bulkhead.active, bulkhead.refused) == (3, 0, 1)


@pytest.mark.parametrize("left", [0.0, 0.01])
async def test_nobody_waits_for_a_place_beyond_the_deadline(left: float) -> None:
    bulkhead = Bulkhead("reports", size=1, queue=1, patience=3600)
    async with bulkhead.place():
        with deadline.within(left), pytest.raises((BulkheadFullError, DeadlineExceededError)):
            async with bulkhead.place():
                pytest.fail("there was a place")
    async with bulkhead.place():
        assert bulkhead.active == 1


def test_a_deadline_inside_another_is_the_earlier_one() -> None:
    with deadline.within(10):
        with deadline.within(3600):
            assert deadline.allowed(100) <= 10
        with deadline.within(1):
            assert deadline.allowed(100) <= 1
    assert deadline.remaining() is None
    assert deadline.allowed(100) == 100


def test_after_its_deadline_nothing_is_begun() -> None:
    with deadline.within(0), pytest.raises(DeadlineExceededError):
        deadline.allowed(1)


async def test_a_task_keeps_the_deadline_of_the_request_that_began_it() -> None:
    async def look() -> float | None:
        return deadline.remaining()

    asked: Callable[[], Awaitable[float | None]] = look
    with deadline.within(5):
        left = await asyncio.create_task(look())
    assert left is not None
    assert await asked() is None
