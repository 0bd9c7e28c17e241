"""Questions to the shared counts: all that come up in one turn of the event loop are one round trip."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from richesreach.core.limits.gcra import Tier

# Admitted, remaining, microseconds until the whole burst is there again, and by how much it was early.
Counted: TypeAlias = tuple[int, int, int, int]
Question: TypeAlias = tuple[str, Tier, int]
Asked = TypeVar("Asked")
Told = TypeVar("Told")
# So many in one call of the script: a server does nothing else meanwhile.
MOST = 128
# Seconds after which a call is late: it may be the one that finds a server silent, and nobody waits for that.
LATE = 0.02


class Questions(Generic[Asked, Told]):
    """One call is under way at a time: while it is, questions gather, so that a busy process asks in fewer
    and larger calls, and an idle one at once. Only behind a call that is late does none wait.
    """

    def __init__(self, ask: Callable[[Sequence[Asked]], Awaitable[Sequence[Told]]]) -> None:
        self._ask = ask
        self._waiting: list[tuple[Asked, asyncio.Future[Told]]] = []
        self._turn: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, question: Asked) -> Told:
        """Raises what `ask` raises. A question whose caller is cancelled is asked all the same."""
        future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._turn is None or self._turn.done():
            self._begin()
        return await future

    def _begin(self) -> None:
        self._turn = asyncio.create_task(self._run(), name="questions")
        self._tasks.add(self._turn)
        self._turn.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        own, loop = self._turn, asyncio.get_running_loop()
        while self._waiting and self._turn is own:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            relief = loop.call_later(LATE, self._relieve, own)
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
            finally:
                relief.cancel()

    def _relieve(self, late: Any) -> None:
        if self._turn is late:
            self._turn = None
            if self._waiting:
                self._begin()
