"""The supervisor as the command line sees it: is it there, start it, stop it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from ops.errors import OperationError
from ops.local import log_tail, paths, state
from ops.local.process import send_signal, start_time

START_SECONDS = 60.0
STOP_SECONDS = 30.0
MODULE = "ops.local.supervisor"
LOG = "supervisor.log"


def running() -> int | None:
    """Process id of the running supervisor, None where none runs. A stale or recycled id counts as none."""
    try:
        pid = int(paths.PID_FILE.read_text().split()[0])
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, IndexError):
        return None
    return pid if MODULE.encode() in arguments else None


def start(regions: Sequence[str]) -> None:
    """Starts the supervisor in a session of its own and waits until its local AWS answers.

    Raises:
        OperationError: it ended, or its local AWS did not come up in time.
    """
    paths.create()
    log = paths.LOGS / LOG
    log_tail.rotate(log)
    with log.open("ab") as output:
        offset = output.tell()
        process = subprocess.Popen(
            [str(paths.PYTHON), "-m", MODULE],
            cwd=paths.ROOT,
            env={**os.environ, "RICHESREACH_REGIONS": ",".join(regions)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        published = state.read(paths.STATE_FILE)
        if published.supervisor.pid == process.pid:
            if published.local_aws.status == "running":
                return
            if published.local_aws.status == "failed":
                break
        if process.poll() is not None:
            break
        time.sleep(0.1)
    stop()
    reason = published.local_aws.reason or log_tail.last_error(log, offset, frozenset())
    raise OperationError(f"the local AWS did not start: {reason or 'no reason given'}; see {_shown(log)}")


def stop() -> bool:
    """Stops the supervisor and with it all it started; False where none ran.

    Raises:
        OperationError: it did not end in time even when killed.
    """
    pid = running()
    if pid is None:
        return False
    started = start_time(pid)
    if started is None:
        return False
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5.0)):
        send_signal(pid, started, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if start_time(pid) != started or _is_zombie(pid):
                return True
            time.sleep(0.05)
    raise OperationError(f"the supervisor (pid {pid}) does not end; see {_shown(paths.LOGS / LOG)}")


def _is_zombie(pid: int) -> bool:
    """Ended, and only waiting for a parent that started it from the same shell to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _shown(path: Path) -> str:
    return str(path.relative_to(paths.ROOT)) if path.is_relative_to(paths.ROOT) else str(path)
