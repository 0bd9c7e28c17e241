"""Keeps the newest known value of something that has to be asked for, such as deployed configuration.

The asking blocks (boto3), so it has a thread of its own; a daemon, so that a call under way never delays the
end of the process. When the local AWS is away the last value stays: CloudFront and load balancers go on
without their control plane too.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ops.local.edge.log import log

T = TypeVar("T")

REST = 3.0
QUIET = 20.0
"""After so many seconds without a change it is asked every REST seconds: nothing is being deployed."""

PASSING = (BotoCoreError, ClientError, OSError, ValueError, LookupError)
"""What a read raises while something is being deployed, is half there or does not answer."""


class Watch(Generic[T]):
    """Calls `read` every `interval` seconds and publishes each changed value on the event loop.

    With `rests` it asks less often while nothing changes; what must be seen at once does not rest.
    """

    def __init__(
        self, name: str, read: Callable[[], T], interval: float = 1.0, *, rests: bool = True
    ) -> None:
        self._name = name
        self._read = read
        self._interval = interval
        self._rests = rests
        self._changed = time.monotonic()
        self._stopped = threading.Event()
        self._failure = ""
        self._listeners: list[Callable[[T], None]] = []
        self.value: T | None = None

    def on_change(self, listener: Callable[[T], None]) -> None:
        """Call `listener` on the event loop with every new value."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Begin; must be called on the event loop that shall be told."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, args=(loop,), name=f"watch-{self._name}", daemon=True).start()

    def stop(self) -> None:
        """Ask no more. Does not wait for a call under way."""
        self._stopped.set()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopped.is_set():
            try:
                value = self._read()
            except PASSING as error:
                self._note(f"{type(error).__name__}: {error}")
            else:
                self._note("")
                if self._stopped.is_set() or loop.is_closed():
                    return
                loop.call_soon_threadsafe(self._publish, value)
            quiet = self._rests and time.monotonic() - self._changed > QUIET
            self._stopped.wait(REST if quiet else self._interval)

    def _note(self, failure: str) -> None:
        """Log a change of fortune, not every failed attempt."""
        if failure and not self._failure:
            log("configuration_unreadable", source=self._name, reason=failure, keeps="last known")
        elif self._failure and not failure:
            log("configuration_readable", source=self._name)
        self._failure = failure

    def _publish(self, value: T) -> None:
        if value == self.value or self._stopped.is_set():
            return
        self.value = value
        self._changed = time.monotonic()
        for listener in self._listeners:
            listener(value)
