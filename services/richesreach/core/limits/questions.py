"""Questions to the shared counts: all that come up in one turn of the event loop are one round trip."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from richesreach.core.cache.wire import Sink
from richesreach.core.limits.gcra import Tier

# Admitted, remaining, microseconds until the whole burst is there again, and by how much it was early.
Counted: TypeAlias = tuple[int, int, int, int]
# Name, tier, cost, and whether that is owed: admitted already, whatever is left.
Question: TypeAlias = tuple[str, Tier, int, bool]
Asked = TypeVar("Asked")
Told = TypeVar("Told")
# So many in one call of the script: a server does nothing else meanwhile.
MOST = 128
# Seconds after which a call is late: it may be the one that finds a server silent, and nobody waits for that.
LATE = 0.02


class Met(NamedTuple):
    """What became of a direct call, and where it was made."""

    error: Exception
    where: object


class Direct(Protocol[Asked, Told]):
    """A way to ask that needs no task, where nothing is to be waited for but the answer."""

    def send(self, questions: Sequence[Asked], turn: "Turn[Asked, Told]") -> bool:
        """Whether they are on their way; the turn is told the server's answer, or an error, later."""

    def read(self, answer: Any) -> Sequence[Told]:
        """What the server's answer says."""

    async def after(self, questions: Sequence[Asked], met: Met) -> Sequence[Told]:
        """The answers all the same."""


class Turn(Generic[Asked, Told]):
    """Questions that are asked together, and a sink for the answer to a direct call."""

    __slots__ = ("_questions", "asked", "since", "where")

    def __init__(
        self,
        questions: "Questions[Asked, Told]",
        asked: "list[tuple[Asked, Sink]]",
        since: float,
    ) -> None:
        self._questions = questions
        self.asked = asked
        self.since = since
        self.where: object = None

    def done(self) -> bool:
        """Never: it is waited for even if all its callers have gone, and tells how late it is."""
        return False

    def set_result(self, answer: Any) -> None:
        self._questions.read(self, answer)

    def set_exception(self, error: Exception) -> None:
        self._questions.again(self, Met(error, self.where))

    def answered(self, answers: Sequence[Told]) -> None:
        for (_, sink), found in zip(self.asked, answers, strict=True):
            if not sink.done():
                sink.set_result(found)

    def failed(self, error: Exception) -> None:
        for _, sink in self.asked:
            if not sink.done():
                sink.set_exception(error)


class Questions(Generic[Asked, Told]):
    """One call is under way at a time: while it is, questions gather, so that a busy process asks in fewer
    and larger calls, and an idle one at once. Only behind a call that is late does none wait.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[Asked]], Awaitable[Sequence[Told]]],
        direct: Direct[Asked, Told] | None = None,
    ) -> None:
        self._ask = ask
        self._direct = direct
        self._waiting: list[tuple[Asked, Sink]] = []
        self._turn: Turn[Asked, Told] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._beginning = False
        self._watching = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, question: Asked) -> Told:
        """Raises what asking raises. A question whose caller is cancelled is asked all the same."""
        return await self.ask(question)

    def ask(self, question: Asked) -> "asyncio.Future[Told]":
        """As `answer`, to be awaited."""
        future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self.put(question, future)
        return future

    def put(self, question: Asked, sink: Sink) -> None:
        """As `ask`; the answer, or what asking raises, goes to `sink`. It is asked after those before it."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # the one before, a test's, took along what was under way
            self._loop, self._turn, self._waiting = loop, None, []
            self._beginning = self._watching = False
        self._waiting.append((question, sink))
        if self._turn is None and not self._beginning:
            # Not yet: others may ask in this turn of the loop, too.
            self._beginning = True
            loop.call_soon(self._begin, loop)

    def read(self, turn: Turn[Asked, Told], answer: Any) -> None:
        """Hand out the answer of a direct call."""
        if self._direct is not None:
            turn.answered(self._direct.read(answer))
        self._over(turn)

    def again(self, turn: Turn[Asked, Told], met: Met | None) -> None:
        """Ask in the way that takes longer."""
        task = asyncio.create_task(self._at_length(turn, met), name="questions")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _at_length(self, turn: Turn[Asked, Told], met: Met | None) -> None:
        questions = [question for question, _ in turn.asked]
        try:
            if met is not None and self._direct is not None:
                answers = await self._direct.after(questions, met)
            else:
                answers = await self._ask(questions)
        except Exception as why:
            turn.failed(why)
        else:
            turn.answered(answers)
        finally:
            self._over(turn)

    def _over(self, turn: Turn[Asked, Told]) -> None:
        if self._turn is turn:
            self._turn = None
            if self._waiting and self._loop is not None:
                self._begin(self._loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._beginning = False
        asked, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        turn = self._turn = Turn(self, asked, loop.time())
        if not self._watching:
            self._watching = True
            loop.call_later(LATE, self._watch, loop)
        if self._direct is None or not self._direct.send([question for question, _ in asked], turn):
            self.again(turn, None)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let others go ahead of a turn that is late. One timer for many turns: most are over by far."""
        turn = self._turn
        if turn is None:
            self._watching = False
            return
        left = turn.since + LATE - loop.time()
        if left > 0:
            loop.call_later(left, self._watch, loop)
            return
        self._watching = False
        self._over(turn)
