"""A provider that does what a test says, and a ledger in memory: the edges of dispatching."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

from models_for_tests import CALLER, Clock
from richesreach.ai_router.budgets.model import BudgetExhaustedError, Reservation, Scope, Standing
from richesreach.ai_router.budgets.plan import Plan
from richesreach.ai_router.model import Caller, Failure, ProviderError, Usage
from richesreach.ai_router.providers.provider import Answer, Call, Chunk, EmbedCall, Embeddings
from richesreach.ai_router.tracking.model import Served

USAGE = Usage(1_000, 100)


def fails(failure: Failure, **details: Any) -> ProviderError:
    return ProviderError(failure, "scripted", failure.value, **details)


@dataclass
class Hangs:
    """Never answers; `cancelled` says that it was told to stop."""

    cancelled: bool = False

    async def wait(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled = True


Step = ProviderError | Hangs | Usage | list[Any] | Callable[[], Any]


class ScriptedProvider:
    """`script[model]` is what each call of the model does in turn; the last step stays.

    An error is raised, usage answered with. A list is a stream: texts, and last usage, an error or a hang.
    """

    name = "scripted"

    def __init__(self, **script: list[Step]) -> None:
        self.script = {name.replace("_", "-"): list(steps) for name, steps in script.items()}
        self.calls: list[tuple[str, str]] = []
        self.timeouts: list[float] = []
        self.requests: list[Any] = []
        self.closed = 0

    def _step(self, call: Call | EmbedCall) -> Step:
        self.calls.append((call.model.name, call.credential.id))
        self.timeouts.append(call.timeout)
        self.requests.append(call.request)
        steps = self.script.get(call.model.name, [USAGE])
        return steps.pop(0) if len(steps) > 1 else steps[0]

    async def chat(self, call: Call) -> Answer:
        return Answer(f'"{call.model.name}"'.encode(), await self._usage(call))

    async def embed(self, call: EmbedCall) -> Embeddings:
        return Embeddings(b"[]", await self._usage(call))

    async def _usage(self, call: Call | EmbedCall) -> Usage:
        step = self._step(call)
        if isinstance(step, Hangs):
            await step.wait()
        if isinstance(step, ProviderError):
            raise step
        if callable(step):
            step = step()
        assert isinstance(step, Usage)
        return step

    async def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        step = self._step(call)
        try:
            for piece in step if isinstance(step, list) else [step]:
                if isinstance(piece, Hangs):
                    await piece.wait()
                elif isinstance(piece, BaseException):
                    raise piece
                elif isinstance(piece, Usage):
                    yield Chunk(b"", usage=piece)
                else:
                    yield Chunk(piece.encode(), len(piece))
        finally:
            self.closed += 1


@dataclass
class MemoryLedger:
    """Books of one caller: `limit` microdollars, None for no end. Refuses what would overspend."""

    limit: int | None = None
    low: bool = False
    stale: int | None = None
    reserved: dict[str, int] = field(default_factory=dict)
    settled: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    served: list[Served] = field(default_factory=list)
    refused: int = 0

    def left(self) -> int | None:
        if self.limit is None:
            return None
        held = sum(amount for name, amount in self.reserved.items() if name not in self.settled)
        return self.limit - held - self.spent

    @property
    def spent(self) -> int:
        return sum(sum(parts) for parts in self.settled.values())

    def standing(self, caller: Caller) -> Standing:
        return Standing(self.left() if self.stale is None else self.stale, self.low)

    async def reserve(self, caller: Caller, microdollars: int, deadline: float) -> Reservation:
        await asyncio.sleep(0)
        left = self.left()
        if left is not None and microdollars > left:
            self.refused += 1
            raise BudgetExhaustedError(
                Scope("acme"), limit=self.limit or 0, settled=(self.limit or 0) - left, reserved=0,
                asked=microdollars, resets=None,
            )  # fmt: skip
        name = f"r{len(self.reserved)}"
        self.reserved[name] = microdollars
        plan = Plan.of(caller.org, (), 0.0)
        return Reservation(name, caller, microdollars, deadline, Standing(left), "memory", plan)

    async def settle(self, reservation: Reservation, microdollars: int) -> None:
        await asyncio.sleep(0)
        self.settled[reservation.id].append(microdollars)

    def record(self, served: Served) -> None:
        self.served.append(served)

    def assert_balanced(self, requests: int) -> None:
        """Each reservation settled once, each request recorded once, with the costs of its attempts."""
        assert set(self.settled) == set(self.reserved)
        assert all(len(parts) == 1 for parts in self.settled.values())
        assert len(self.served) == requests
        assert len({one.request_id for one in self.served}) == requests
        assert self.spent == sum(one.cost for one in self.served)
        assert all(one.cost == sum(each.cost for each in one.attempts) for one in self.served)
        assert self.limit is None or self.spent <= self.limit


__all__ = ["CALLER", "USAGE", "Clock", "Hangs", "MemoryLedger", "ScriptedProvider", "fails"]
