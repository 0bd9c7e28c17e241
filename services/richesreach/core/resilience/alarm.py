"""The end of a request's time, cheap where it is the one that all requests have.

`asyncio.timeout` sets a timer for each request and takes it back a moment later. Those that wait equally long
end in the order in which they began, so that one timer, for the oldest, is enough.
"""

import asyncio
from typing import Any

from richesreach.core.resilience.deadline import LONGEST


class Alarm:
    """Cancels a task at `until`, by the loop's clock, unless it is stopped before; `rang` when it has."""

    __slots__ = ("_among", "_cancelling", "_task", "rang", "timer", "until")

    def __init__(self, task: "asyncio.Task[Any]", until: float, among: "dict[Alarm, None]") -> None:
        self._task = task
        # What others asked for before is theirs.
        self._cancelling = task.cancelling()
        self._among = among
        self.timer: asyncio.TimerHandle | None = None
        self.until = until
        self.rang = False

    def ring(self) -> None:
        self.rang = True
        self._task.cancel()

    def stop(self) -> None:
        """Let the task go on for as long as it likes."""
        if self.timer is None:
            self._among.pop(self, None)
        else:
            self.timer.cancel()

    def silence(self) -> bool:
        """Take back what ringing asked of the task; whether nobody else asked for it."""
        return self._task.uncancel() <= self._cancelling


class Alarms:
    """The alarms of one application."""

    def __init__(self) -> None:
        self._longest: dict[Alarm, None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def after(self, seconds: float) -> Alarm:
        """An alarm for the current task. Raises RuntimeError outside of one."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("an alarm needs a task that it may cancel")
        loop = task.get_loop()
        if self._loop is not loop:  # the one before, a test's, took its timer along
            self._loop, self._timer, self._longest = loop, None, {}
        alarm = Alarm(task, loop.time() + seconds, self._longest)
        if seconds != LONGEST:
            alarm.timer = loop.call_at(alarm.until, alarm.ring)
            return alarm
        self._longest[alarm] = None
        if self._timer is None:
            self._timer = loop.call_at(alarm.until, self._oldest)
        return alarm

    def _oldest(self) -> None:
        """Ring those whose time is over, then wait for the one that is the oldest now."""
        self._timer = None
        while self._loop is not None and self._longest:
            alarm = next(iter(self._longest))
            if alarm.until > self._loop.time():
                self._timer = self._loop.call_at(alarm.until, self._oldest)
                return
            del self._longest[alarm]
            alarm.ring()
