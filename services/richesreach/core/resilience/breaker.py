"""A circuit breaker: a dependency that fails is left alone for a while, and then asked carefully.

closed     calls pass; more than half of at least ten within ten seconds fail: open
open       calls fail at once; after a pause, that doubles each time: half-open
half-open  a few calls pass at a time; as many successes in a row: closed; one failure: open
"""

import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from richesreach.core.logs import logger
from richesreach.core.resilience.errors import CircuitOpenError, DeadlineExceededError

Result = TypeVar("Result")


class State(StrEnum):
    CLOSED = "closed"
    HALF_OPEN = "half-open"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Policy:
    """Times in seconds. The circuit opens when `ratio` of at least `least` calls within `window` fail."""

    window: float = 10.0
    least: int = 10
    ratio: float = 0.5
    pause: float = 1.0
    longest_pause: float = 30.0
    probes: int = 3


class CircuitBreaker:
    """One dependency's. `failures` are the errors that speak against the dependency, and not against the
    call.
    """

    def __init__(
        self,
        dependency: str,
        *,
        failures: tuple[type[BaseException], ...] = (OSError, TimeoutError),
        policy: Policy | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.dependency = dependency
        self.policy = policy or Policy()
        self.changes: Counter[State] = Counter()
        self._failures = failures
        self._clock = clock
        self._state = State.CLOSED
        self._calls: deque[tuple[float, bool]] = deque()
        self._pause = self.policy.pause
        self._open_until = 0.0
        self._probing = 0
        self._passed = 0

    @property
    def state(self) -> State:
        if self._state is State.OPEN and self._clock() >= self._open_until:
            return State.HALF_OPEN
        return self._state

    async def call(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """The result of `work`. Raises CircuitOpenError without calling it while the circuit is open."""
        probe = self._enter()
        try:
            result = await work()
        except self._failures:
            self._failed(probe)
            raise
        except DeadlineExceededError:
            # The caller had too little time left, which says nothing about the dependency.
            raise
        except Exception:
            # The dependency answered; that it refused this call is the call's own trouble.
            self._succeeded(probe)
            raise
        else:
            self._succeeded(probe)
            return result
        finally:
            self._probing -= probe

    def _enter(self) -> bool:
        """Whether the call is a probe."""
        if self._state is State.OPEN:
            left = self._open_until - self._clock()
            if left > 0:
                raise CircuitOpenError(self.dependency, left)
            self._passed = 0
            self._turn(State.HALF_OPEN)
        if self._state is State.CLOSED:
            return False
        if self._probing >= self.policy.probes:
            raise CircuitOpenError(self.dependency, self.policy.pause)
        self._probing += 1
        return True

    def _succeeded(self, probe: bool) -> None:
        if not probe:
            self._note(failed=False)
            return
        self._passed += 1
        if self._state is State.HALF_OPEN and self._passed >= self.policy.probes:
            self._pause = self.policy.pause
            self._calls.clear()
            self._turn(State.CLOSED)

    def _failed(self, probe: bool) -> None:
        if probe:
            if self._state is State.HALF_OPEN:
                self._pause = min(self.policy.longest_pause, self._pause * 2)
                self._open()
            return
        self._note(failed=True)
        failed = sum(bad for _, bad in self._calls)
        enough = len(self._calls) >= self.policy.least
        if self._state is State.CLOSED and enough and failed > self.policy.ratio * len(self._calls):
            self._open()

    def _note(self, *, failed: bool) -> None:
        now = self._clock()
        self._calls.append((now, failed))
        while self._calls[0][0] < now - self.policy.window:
            self._calls.popleft()

    def _open(self) -> None:
        # Spread, so that the tasks of a region do not all come back in the same instant.
        self._open_until = self._clock() + self._pause * random.uniform(1.0, 1.25)  # noqa: S311
        self._turn(State.OPEN)

    def _turn(self, state: State) -> None:
        self._state = state
        self.changes[state] += 1
        logger().warning("circuit", dependency=self.dependency, state=state.value)
