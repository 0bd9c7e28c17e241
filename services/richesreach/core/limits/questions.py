"""Questions to the shared counts: all that come up in one turn of the event loop are one round trip."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from richesreach.core.limits.gcra import Tier

# Admitted, remaining, microseconds until the whole burst is there again, and by how much it was early.
Counted: TypeAlias = tuple[int, int, int, int]
Question: TypeAlias = tuple[str, Tier, int]
# So many in one call of the script: a server does nothing else meanwhile.
MOST = 128


class Questions:
    """One call is under way at a time: while it is, questions gather, so that a busy process asks in fewer
    and larger calls, and an idle one at once.
    """

    def __init__(self, ask: Callable[[Sequence[Question]], Awaitable[Sequence[Counted]]]) -> None:
        self._ask = ask
        self._waiting: list[tuple[Question, asyncio.Future[Counted]]] = []
        self._task: asyncio.Task[None] | None = None

    async def answer(self, question: Question) -> Counted:
        """Raises what `ask` raises."""
        future: asyncio.Future[Counted] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="limits")
        return await future

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                answers = await self._ask([question for question, _ in batch])
            except Exception as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), counted in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(counted)
