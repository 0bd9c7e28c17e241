"""The end of a task's time, at a fraction of what `asyncio.timeout` costs."""

import asyncio
from types import TracebackType
from typing import Any

from richesreach.core.resilience.timers import Timer, Timers


class Alarm(Timer):
    """Cancels the current task when its time is over, unless it is stopped before; `rang` when it has.

    Raises RuntimeError outside of a task.
    """

    __slots__ = ("_cancelling", "_task", "rang")

    def __init__(self, timers: Timers, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        task: asyncio.Task[Any] | None = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("an alarm needs a task that it may cancel")
        self._task = task
        # What others asked for before is theirs.
        self._cancelling = task.cancelling()
        self.rang = False
        timers.begin(self, seconds, loop)

    def ring(self) -> None:
        self.rang = True
        self._task.cancel()

    def silence(self) -> bool:
        """Take back what ringing asked of the task; whether nobody else asked for it."""
        return self._task.uncancel() <= self._cancelling


class Limit(Alarm):
    """What is awaited inside is cancelled at its end, which is a TimeoutError."""

    __slots__ = ()

    def __enter__(self) -> None:
        """The time runs since it was made."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self.stop()
        if self.rang and self.silence() and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from error


class Alarms(Timers):
    """The alarms of one application."""

    def alarm(self, seconds: float) -> Alarm:
        """An alarm for the current task: `stop` it to let the task go on for as long as it likes."""
        return Alarm(self, seconds)

    def limit(self, seconds: float) -> Limit:
        """As `asyncio.timeout`, with a plain `with`."""
        return Limit(self, seconds)
