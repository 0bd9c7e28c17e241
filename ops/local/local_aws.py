"""The local AWS as a child of the supervisor. It lives in memory, so its death ends the platform."""

import os
import signal
import threading
import time
import urllib.request
from pathlib import Path

from ops.local import aws
from ops.local.board import Board
from ops.local.paths import LOCAL_PYTHON, PYTHON, ROOT
from ops.local.process import BASE_PATH, Child, Command
from ops.local.state import ProcessState

START_SECONDS = 60.0
# A proxy of the developer is not for the loopback.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class LocalAwsServer:
    """Starts it once, watches it, ends it."""

    def __init__(self, board: Board, log: Path, work: Path) -> None:
        self._board = board
        self._log = log
        self._work = work
        self._child: Child | None = None

    def start(self, stopping: threading.Event) -> bool:
        """Start it and wait until it answers; False when it does not, or the platform is to stop."""
        self._work.mkdir(parents=True, exist_ok=True)
        self._child = Child(self._command())
        deadline = time.monotonic() + START_SECONDS
        while not stopping.is_set():
            if not self.alive():
                return False
            if self._answers():
                self._board.local_aws("running", process=self._process("running"))
                return True
            if time.monotonic() > deadline:
                self._board.local_aws("failed", f"no answer within {START_SECONDS:.0f} s")
                return False
            self._board.local_aws("starting", process=self._process("starting"))
            time.sleep(0.1)
        return False

    def alive(self) -> bool:
        """Whether it still runs; its end is published with the reason."""
        if self._child is None:
            return False
        if self._child.alive():
            return True
        reason = (
            f"the local AWS ended ({self._child.reason()}); what was deployed in it is lost, so everything "
            "was stopped: run `richesreach up` again"
        )
        self._board.local_aws("failed", reason, self._process("failed", self._child.reason()))
        return False

    def stop(self) -> None:
        """End it."""
        if self._child is not None:
            self._child.stop(signal.SIGTERM, grace=4.0)

    def _process(self, status: str, reason: str = "") -> ProcessState:
        pid = self._child.pid if self._child is not None else 0
        port = aws.aws_port()
        return ProcessState("local-aws", "local-aws", "", "127.0.0.1", port, pid, status, 0, reason)

    def _answers(self) -> bool:
        try:
            with _DIRECT.open(f"{aws.endpoint()}/_ministack/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _command(self) -> Command:
        port = str(aws.aws_port())
        env = {
            # Functions run with this interpreter, and with Node from the other environment.
            "PATH": f"{LOCAL_PYTHON.parent}:{PYTHON.parent}:{BASE_PATH}",
            "PYTHONUNBUFFERED": "1",
            "HOME": str(self._work),
            "TMPDIR": str(self._work),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": port,
            "EDGE_PORT": port,
            "MINISTACK_HOST": "127.0.0.1",
            "LOG_LEVEL": os.environ.get("RICHESREACH_AWS_LOG_LEVEL", "WARNING"),
            # Functions run on this machine: warm for as long as a deploy lasts.
            "LAMBDA_WARM_TTL_SECONDS": "120",
        }
        argv = (str(LOCAL_PYTHON), "-m", "ops.local.types")
        # Found through the folder and not through PYTHONPATH, which functions would inherit.
        return Command(argv, self._log, env, ROOT, death_signal=signal.SIGTERM)
