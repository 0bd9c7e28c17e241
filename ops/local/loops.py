"""Reconcilers in threads of their own, so that a slow one delays no other."""

import logging
import threading
from collections.abc import Iterable

from ops.local.board import Board
from ops.local.reconcilers.report import Reconciler

PERIOD = 0.5
ENDING = 6.0

logger = logging.getLogger(__name__)


class Loop:
    """Repeats one reconciler; an error is logged once until it changes, and the next pass comes as usual."""

    def __init__(self, reconciler: Reconciler, board: Board) -> None:
        self.reconciler = reconciler
        self._board = board
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=reconciler.name, daemon=True)
        self._last_error = ""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._board.put(self.reconciler.name, self.reconciler.reconcile())
                self._last_error = ""
            except Exception as error:
                if str(error) != self._last_error and not self._stopping.is_set():
                    logger.exception("%s failed, tried again", self.reconciler.name)
                self._last_error = str(error)
            self._stopping.wait(PERIOD)

    def cancel(self) -> None:
        """Make no further pass."""
        self._stopping.set()

    def finish(self) -> None:
        """End the processes, once the pass under way is over or has had its time."""
        self._thread.join(ENDING)
        self.reconciler.stop()


def in_order(loops: Iterable[Loop]) -> None:
    """End all loops first, so that none starts anything again, then the processes of each in turn."""
    listed = list(loops)
    for loop in listed:
        loop.cancel()
    for loop in listed:
        try:
            loop.finish()
        except Exception:
            logger.exception("%s did not end in order", loop.reconciler.name)
