"""The order of a start: tasks wait for databases and caches, which on AWS are available when made."""

import time
from collections.abc import Callable

from ops.local.board import Board

LONGEST_WAIT = 60.0


class DatabasesFirst:
    """Says whether new tasks are to wait; never for longer than a minute after a server began to start."""

    def __init__(self, board: Board, clock: Callable[[], float] = time.monotonic) -> None:
        self._board = board
        self._clock = clock
        self._since: float | None = None

    def __call__(self) -> bool:
        """Whether to hold new tasks now."""
        if not self._board.databases_starting():
            self._since = None
            return False
        if self._since is None:
            self._since = self._clock()
        return self._clock() - self._since < LONGEST_WAIT
