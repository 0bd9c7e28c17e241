"""The end of a task's time, at a fraction of what `asyncio.timeout` costs."""

import asyncio
from types import TracebackType
from typing import Any

from richesreach.core.resilience.timers import Timer, Timers


class Alarm:
    """Cancels a task when its time is over, unless it is stopped before; `rang` when it has."""

    __slots__ = ("_cancelling", "_task", "_timer", "rang")

    def __init__(self, task: "asyncio.Task[Any]", seconds: float, timers: Timers) -> None:
        self._task = task
        # What others asked for before is theirs.
        self._cancelling = task.cancelling()
        self.rang = False
        self._timer: Timer = timers.after(seconds, self.ring)

    def ring(self) -> None:
        self.rang = True
        self._task.cancel()

    def stop(self) -> None:
        """Let the task go on for as long as it likes."""
        self._timer.stop()

    def silence(self) -> bool:
        """Take back what ringing asked of the task; whether nobody else asked for it."""
        return self._task.uncancel() <= self._cancelling


class Limit:
    """What is awaited inside is cancelled after `seconds`, which is a TimeoutError."""

    __slots__ = ("_alarm", "_alarms", "_seconds")

    def __init__(self, alarms: "Alarms", seconds: float) -> None:
        self._alarms = alarms
        self._seconds = seconds

    def __enter__(self) -> None:
        self._alarm = self._alarms.after(self._seconds)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None
    ) -> None:
        alarm = self._alarm
        alarm.stop()
        if alarm.rang and alarm.silence() and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from error


class Alarms:
    """The alarms of one application."""

    def __init__(self) -> None:
        self._timers = Timers()

    def after(self, seconds: float) -> Alarm:
        """An alarm for the current task. Raises RuntimeError outside of one."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("an alarm needs a task that it may cancel")
        return Alarm(task, seconds, self._timers)

    def limit(self, seconds: float) -> Limit:
        """As `asyncio.timeout`, with a plain `with`."""
        return Limit(self, seconds)
