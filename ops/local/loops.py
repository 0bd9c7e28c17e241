"""Reconcilers in threads of their own, so that a slow one delays no other."""

import logging
import threading
import time
from collections.abc import Iterable

from ops.local.board import Board
from ops.local.reconcilers.answers import Answers
from ops.local.reconcilers.report import Reconciler, Report

PERIOD = 0.5
# Nothing has changed for a while: half as often, so that a platform at rest leaves the machine alone.
QUIET_PERIOD = 1.0
QUIET_PASSES = 20
# What passes under way get when the platform ends; a promotion may take longer and is then cut short.
ENDING = 4.0

logger = logging.getLogger(__name__)


class Loop:
    """Repeats one reconciler; an error is logged once until it changes, and the next pass comes as usual."""

    def __init__(self, reconciler: Reconciler, board: Board, answers: Answers) -> None:
        self.reconciler = reconciler
        self._board = board
        self._answers = answers
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=reconciler.name, daemon=True)
        self._last_error = ""
        self._last_report: Report | None = None
        self._quiet = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                report = self.reconciler.reconcile()
                self._quiet = self._quiet + 1 if report == self._last_report else 0
                self._last_report = report
                self._board.put(self.reconciler.name, report)
                self._last_error = ""
            except Exception as error:
                self._quiet = 0
                if str(error) != self._last_error and not self._stopping.is_set():
                    logger.exception("%s failed, tried again", self.reconciler.name)
                self._last_error = str(error)
            self._answers.resting = self._quiet >= QUIET_PASSES
            self._stopping.wait(QUIET_PERIOD if self._answers.resting else PERIOD)

    def cancel(self) -> None:
        """Make no further pass."""
        self._stopping.set()

    def join(self, seconds: float) -> None:
        """Wait for the pass under way."""
        if self._thread.is_alive():
            self._thread.join(max(0.0, seconds))


def in_order(loops: Iterable[Loop]) -> None:
    """End all loops first, so that none starts anything again, then the processes of each in turn."""
    listed = list(loops)
    for loop in listed:
        loop.cancel()
    deadline = time.monotonic() + ENDING
    for loop in listed:
        loop.join(deadline - time.monotonic())
    for loop in listed:
        try:
            loop.reconciler.stop()
        except Exception:
            logger.exception("%s did not end in order", loop.reconciler.name)
