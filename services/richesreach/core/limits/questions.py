"""Questions to the shared counts: all that come up in one turn of the event loop are one round trip."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from richesreach.core.limits.gcra import Tier

# Admitted, remaining, microseconds until the whole burst is there again, and by how much it was early.
Counted: TypeAlias = tuple[int, int, int, int]
Question: TypeAlias = tuple[str, Tier, int]
# So many in one call of the script: a server does nothing else meanwhile.
MOST = 128
# Seconds after which a call is late: it may be the one that finds a server silent, and nobody waits for that.
LATE = 0.02


class Questions:
    """One call is under way at a time: while it is, questions gather, so that a busy process asks in fewer
    and larger calls, and an idle one at once. Only behind a call that is late does none wait.
    """

    def __init__(self, answer: Callable[[Sequence[Question]], Awaitable[Sequence[Counted]]]) -> None:
        self._answer = answer
        self._waiting: list[tuple[Question, asyncio.Future[Counted]]] = []
        self._turn: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, question: Question) -> "asyncio.Future[Counted]":
        """The answer to come, or what asking raises."""
        future: asyncio.Future[Counted] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._turn is None or self._turn.done():
            self._begin()
        return future

    def _begin(self) -> None:
        self._turn = asyncio.create_task(self._run(), name="limits")
        self._tasks.add(self._turn)
        self._turn.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        own, loop = self._turn, asyncio.get_running_loop()
        while self._waiting and self._turn is own:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            relief = loop.call_later(LATE, self._relieve, own)
            try:
                answers = await self._answer([question for question, _ in batch])
            except Exception as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), counted in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(counted)
            finally:
                relief.cancel()

    def _relieve(self, late: Any) -> None:
        if self._turn is late:
            self._turn = None
            if self._waiting:
                self._begin()
