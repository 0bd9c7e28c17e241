"""Where log lines go: all of one turn of the event loop in one write."""

import asyncio
import atexit
from collections import deque
from typing import TextIO


class Turns:
    """Writes to `out` once in each turn of the loop in which something was logged, else at once.

    A busy process logs many lines a turn, and each write of its own would cost as much as the line. What ends
    the interpreter in any other way than SIGKILL loses none.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lines: deque[str] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        atexit.register(self._write)

    def write(self, text: str) -> None:
        self._lines.append(text)

    def flush(self) -> None:
        """At the end of this turn; at once in a thread without a loop."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._write()
            return
        if self._loop is not loop:
            self._loop = loop
            loop.call_soon(self._write)

    def _write(self) -> None:
        self._loop = None
        lines = []
        while self._lines:
            lines.append(self._lines.popleft())
        if lines:
            self._out.write("".join(lines))
            self._out.flush()
