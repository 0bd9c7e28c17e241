"""Tries again what may succeed at a second try, and only while that helps more than it hurts."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from richesreach.core.logs import logger
from richesreach.core.resilience.deadline import remaining

Result = TypeVar("Result")

# Seconds.
FIRST_WAIT = 0.05
LONGEST_WAIT = 1.0


class RetryBudget:
    """Retries as a share of the calls: when everything fails, trying again must not double the load.

    Each call earns `ratio` of a retry, and each retry spends one; `floor` retries a second are always there,
    so that a service with few calls may retry at all. What is not spent within ten seconds' worth is lost.
    """

    def __init__(
        self, *, ratio: float = 0.2, floor: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ratio = ratio
        self._floor = floor
        self._clock = clock
        self._most = max(10.0 * floor, 10.0)
        self._tokens = self._most
        self._at = clock()

    def earn(self) -> None:
        self._refill()
        self._tokens = min(self._most, self._tokens + self._ratio)

    def spend(self) -> bool:
        """Whether a retry may be made; it is then paid for."""
        self._refill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._floor)
        self._at = now


class Retries:
    """At most `attempts` of one call, with exponential waits and full jitter, within the caller's deadline.

    `on` names the errors after which a second try may succeed. What is retried must be idempotent.
    """

    def __init__(
        self,
        on: tuple[type[Exception], ...],
        *,
        attempts: int = 3,
        budget: RetryBudget | None = None,
        first_wait: float = FIRST_WAIT,
    ) -> None:
        self.made = 0
        self._on = on
        self._attempts = attempts
        self._budget = budget or RetryBudget()
        self._first_wait = first_wait

    async def call(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """The first result; the last error when there is none."""
        self._budget.earn()
        number = 0
        attempts = stamina.retry_context(
            # Asked after the last attempt too, when there is nothing left to pay for.
            on=lambda error: number < self._attempts and self._again(error),
            attempts=self._attempts,
            timeout=None,
            wait_initial=self._first_wait,
            wait_max=LONGEST_WAIT,
            wait_jitter=self._first_wait * 2,
        )
        async for attempt in attempts:
            number = attempt.num
            with attempt:
                return await work()
        raise AssertionError("stamina ends with a result or an error")

    def _again(self, error: Exception) -> bool:
        left = remaining()
        if not isinstance(error, self._on) or (left is not None and left <= LONGEST_WAIT / 10):
            return False
        if not self._budget.spend():
            return False
        self.made += 1
        return True


def _log(details: RetryDetails) -> None:
    """The kind of the error alone: its text may repeat an address with a secret in it."""
    logger().debug("retry", number=details.retry_num, error=type(details.caused_by).__name__)


set_on_retry_hooks([_log])
