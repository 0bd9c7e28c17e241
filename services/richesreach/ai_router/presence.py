"""Whether the caller still waits: work that nobody gets is cancelled, and the provider is not paid for it."""

import asyncio
from types import TracebackType
from typing import Any, Self

from starlette.types import Receive

from richesreach.core.resilience.timers import Timer, Timers

_TIMERS = Timers()


class CallerGoneError(Exception):
    """The caller closed its connection before the answer was complete."""


class WhilePresent(Timer):
    """Cancels what is done inside once the caller is gone, and turns that into CallerGoneError.

    The caller is looked at after `seconds`: most answers are there before, and pay for one timer alone. The
    whole body must have been read, since what comes after it is the end of the connection.
    """

    __slots__ = ("_gone", "_receive", "_seconds", "_task", "_watch")

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._gone = False
        self._watch: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        task: asyncio.Task[Any] | None = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a caller is watched from within a task")
        self._task = task
        _TIMERS.begin(self, self._seconds, loop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self.stop()
        if self._watch is not None:
            self._watch.cancel()
        if self._gone and self._task.uncancel() == 0 and isinstance(error, asyncio.CancelledError):
            raise CallerGoneError from error

    def ring(self) -> None:
        self._watch = asyncio.get_running_loop().create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._task.cancel()
