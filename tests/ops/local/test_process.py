"""Children: bound to the life of their parent, signalled by identity, explained in one line."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.local.keeper import Backoff, Keeper
from ops.local.log_tail import ROTATE_BYTES
from ops.local.paths import ROOT
from ops.local.process import BASE_PATH, Child, Command, ProcessError, run_once, send_signal, start_time
from tests.ops.local.conftest import eventually

ENV = {"PATH": BASE_PATH}


def shell(folder: Path, script: str, **more: object) -> Command:
    """A command that runs a shell script in a folder of its own."""
    return Command(("/bin/sh", "-c", script), folder / "log", ENV, folder, **more)  # type: ignore[arg-type]


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Child]:
    child = Child(shell(tmp_path, "exec sleep 1000"))
    yield child
    child.stop(signal.SIGKILL)


def test_child_of_a_killed_parent_does_not_survive(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys, time\n"
        "from ops.local.process import Child, Command\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "child = Child(Command(('/bin/sleep', '1000'), folder / 'log', {}, folder))\n"
        "print(child.pid, child.started, flush=True)\n"
        "time.sleep(1000)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid, started = (int(word) for word in parent.stdout.readline().split())
    assert start_time(pid) == started
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    eventually(lambda: start_time(pid) != started)


def test_recycled_process_id_is_not_signalled(sleeper: Child) -> None:
    assert not send_signal(sleeper.pid, sleeper.started - 1, signal.SIGKILL)
    assert sleeper.alive()


def test_right_process_id_is_signalled(sleeper: Child) -> None:
    assert send_signal(sleeper.pid, sleeper.started, signal.SIGTERM)
    assert sleeper.wait(5)


def test_signal_to_a_process_that_is_gone_says_so(sleeper: Child) -> None:
    sleeper.stop()
    assert not send_signal(sleeper.pid, sleeper.started, signal.SIGTERM)


def test_child_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    child = Child(shell(tmp_path, "trap '' TERM; echo ready; while true; do sleep 0.1; done"))
    eventually(lambda: "ready" in (tmp_path / "log").read_text())
    child.stop(grace=0.3)
    assert child.exit_code == -signal.SIGKILL


def test_processes_that_a_child_left_behind_end_with_it(tmp_path: Path) -> None:
    child = Child(shell(tmp_path, "sleep 1000 & echo $!; exit 0"))
    eventually(lambda: not child.alive())
    orphan = int((tmp_path / "log").read_text())
    eventually(lambda: start_time(orphan) is None)


def test_environment_is_given_exactly(tmp_path: Path) -> None:
    run_once(Command(("/usr/bin/env",), tmp_path / "log", {"ONLY": "this"}, tmp_path))
    assert (tmp_path / "log").read_text() == "ONLY=this\n"


def test_unprivileged_child_is_not_root_and_writes_its_folder(tmp_path: Path) -> None:
    run_once(shell(tmp_path, "id -u && touch written", unprivileged=True, owned=tmp_path))
    assert (tmp_path / "log").read_text().strip() != "0"
    assert (tmp_path / "written").stat().st_uid in {os.getuid(), 65534}


def test_reason_is_the_exit_and_the_last_error_without_secrets(tmp_path: Path) -> None:
    script = "echo 'ValueError: no such user hunter2'; echo bye; exit 4"
    child = Child(shell(tmp_path, script, secrets=frozenset({"hunter2"})))
    eventually(lambda: not child.alive())
    assert child.reason() == "exit code 4: ValueError: no such user ***"


def test_failed_program_is_an_error_with_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match="sh: exit code 2: cannot open the door"):
        run_once(shell(tmp_path, "echo cannot open the door; exit 2"))


def test_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match="cannot reach /absent/program"):
        run_once(Command(("/absent/program",), tmp_path / "log", ENV, tmp_path))


def test_large_log_is_put_aside_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * (ROTATE_BYTES + 1))
    run_once(shell(tmp_path, "echo new"))
    assert (tmp_path / "log").read_text() == "new\n"
    assert (tmp_path / "log.1").stat().st_size > ROTATE_BYTES


def test_delays_double_up_to_the_longest() -> None:
    backoff = Backoff(first=1.0, longest=8.0)
    delays = [backoff.next_delay(0.0) for _ in range(6)]
    for delay, middle in zip(delays, (1, 2, 4, 8, 8, 8), strict=True):
        assert 0.75 * middle <= delay <= 1.25 * middle


def test_long_run_starts_the_delays_over() -> None:
    backoff = Backoff(first=1.0, longest=8.0, proven=20.0)
    for _ in range(5):
        backoff.next_delay(0.0)
    assert backoff.next_delay(21.0) <= 1.25


def test_kept_process_is_restarted_only_when_it_is_due(tmp_path: Path) -> None:
    now = 0.0
    keeper = Keeper("test", "task", clock=lambda: now, backoff=Backoff(first=10.0, longest=10.0))
    command = shell(tmp_path, "exit 1")
    keeper.tick(command)
    eventually(lambda: not keeper.running())
    assert not keeper.tick(command)
    now = 12.6
    assert keeper.tick(command)
    assert keeper.restarts == 1
    keeper.stop()
