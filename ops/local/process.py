"""Children of the supervisor: started so that none outlives it, stopped by identity, never by name.

The kernel sends the death signal when the *thread* that forked ends, so every child is forked by one thread
that lives as long as the process, whichever reconciler asks.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from ops.local.log_tail import last_error, rotate

LAUNCHER = Path(__file__).with_name("launch.py")
BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Command:
    """What to run: the environment is given exactly, nothing is inherited.

    `unprivileged` runs it as a user that is not root; `owned` is the folder it must then own.
    `secrets` never appear in a reason.
    """

    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path("/")
    death_signal: signal.Signals = signal.SIGKILL
    unprivileged: bool = False
    owned: Path | None = None
    secrets: frozenset[str] = frozenset()


def start_time(pid: int) -> int | None:
    """When the process started, in clock ticks since boot (field 22 of /proc/<pid>/stat).

    None when it has ended, even if nobody has taken notice of that yet (a zombie). Process id and start time
    together name one process for good: a recycled id has another start time.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else int(fields[19])


def send_signal(pid: int, started: int, number: signal.Signals) -> bool:
    """Signal the process that had this id at that start time; False when gone or the id is another's."""
    try:
        descriptor = os.pidfd_open(pid)
    except (ProcessLookupError, OSError):
        return False
    try:
        if start_time(pid) != started:
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


class _Forker:
    """The one thread that forks."""

    def __init__(self) -> None:
        self._requests: queue.SimpleQueue[tuple[Command, int, Future[subprocess.Popen[bytes]]]]
        self._requests = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self, command: Command, stdout: int) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._serve, name="forker", daemon=True)
                self._thread.start()
        answer: Future[subprocess.Popen[bytes]] = Future()
        self._requests.put((command, stdout, answer))
        return answer.result()

    def _serve(self) -> None:
        while True:
            command, stdout, answer = self._requests.get()
            try:
                answer.set_result(_fork(command, stdout))
            except OSError as error:
                answer.set_exception(error)


def _fork(command: Command, stdout: int) -> subprocess.Popen[bytes]:
    options = {
        "parent": os.getpid(),
        "death_signal": int(command.death_signal),
        "unprivileged": command.unprivileged,
        "owned": str(command.owned) if command.owned else None,
        # The launcher's interpreter may add to its environment; the program gets these and no others.
        "variables": sorted(command.env),
    }
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(LAUNCHER), json.dumps(options), *command.argv],
        env=dict(command.env),
        cwd=command.cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


_forker = _Forker()


class Child:
    """A started process and its log."""

    def __init__(self, command: Command) -> None:
        command.log.parent.mkdir(parents=True, exist_ok=True)
        command.cwd.mkdir(parents=True, exist_ok=True)
        rotate(command.log)
        with command.log.open("ab") as log:
            self._log_offset = log.tell()
            self._popen = _forker.start(command, log.fileno())
        self.command = command
        self.pid = self._popen.pid
        self.started = start_time(self.pid) or 0
        self.exit_code: int | None = None
        self._lock = threading.Lock()

    def alive(self) -> bool:
        """Whether it runs; when it has ended, its whole process group ends with it, then it is reaped."""
        with self._lock:
            if self.exit_code is not None:
                return False
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return True
            # The dead leader still holds its id here, so the group of that id is surely its own.
            _kill_group(self.pid)
            self.exit_code = self._popen.wait()
            return False

    def send(self, number: signal.Signals) -> None:
        """Send a signal if it is still there."""
        if self.alive():
            send_signal(self.pid, self.started, number)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; False when it still runs after `seconds`."""
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True

    def stop(self, number: signal.Signals = signal.SIGTERM, grace: float = 5.0) -> None:
        """Ask it to end, and after `grace` seconds end it."""
        self.send(number)
        if not self.wait(grace):
            self.send(signal.SIGKILL)
            self.wait(5.0)

    def reason(self) -> str:
        """Why it ended, in one line: the exit and the last error that it logged."""
        if self.exit_code is None:
            return ""
        line = last_error(self.command.log, self._log_offset, self.command.secrets)
        return f"{exit_words(self.exit_code)}: {line}" if line else exit_words(self.exit_code)


def exit_words(code: int) -> str:
    """An exit code of subprocess in words: negative is a signal."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def run_once(command: Command, timeout: float = 60.0) -> None:
    """Run a short program to its end.

    Raises ProcessError with the reason when it fails or takes longer than `timeout` seconds.
    """
    child = Child(command)
    if not child.wait(timeout):
        child.stop(signal.SIGKILL)
        raise ProcessError(f"{Path(command.argv[0]).name} did not end within {timeout:.0f} s")
    if child.exit_code:
        raise ProcessError(f"{Path(command.argv[0]).name}: {child.reason()}")


class ProcessError(RuntimeError):
    """A program failed; the message says which and why."""
