"""The platform is deployed once, stays as deployed, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from ops.local import daemon, paths, state
from ops.local.process import start_time
from tests.acceptance.client import Edge, eventually, richesreach

#: Set by CI and by hand to let the tests stop a platform that they did not start.
MAY_STOP = os.environ.get("CI") == "true" or bool(os.environ.get("RICHESREACH_TEST_DOWN"))


def test_diff_right_after_the_deployment_is_empty() -> None:
    result = richesreach("cdk", "--env", "local", "diff", "--no-notices")
    assert result.returncode == 0, result.stderr
    assert "Number of stacks with differences: 0" in result.stdout + result.stderr


def test_second_up_changes_nothing() -> None:
    before = {process.name: process.pid for process in state.read(paths.STATE_FILE).processes}
    result = richesreach("up")
    assert result.returncode == 0, result.stdout + result.stderr
    after = {process.name: process.pid for process in state.read(paths.STATE_FILE).processes}
    assert after == before


@pytest.mark.parametrize("kind", ["postgres", "cache", "load-balancer", "edge", "task"])
def test_killed_process_comes_back_in_place(edge: Edge, kind: str) -> None:
    victim = next(process for process in state.read(paths.STATE_FILE).processes if process.kind == kind)
    os.kill(victim.pid, signal.SIGKILL)

    def back() -> bool:
        again = next((p for p in state.read(paths.STATE_FILE).processes if p.name == victim.name), None)
        return again is not None and again.status == "running" and again.pid != victim.pid

    eventually(back, f"{victim.name} running again", 60)
    eventually(lambda: richesreach("status").returncode == 0, "everything serving again", 60)

    def healthy() -> bool:
        return bool(edge.get("/health/detailed/").document["status"] == "healthy")

    eventually(healthy, "a report from after it came back", 20)


@pytest.mark.skipif(
    not MAY_STOP, reason="would stop a platform in use; set RICHESREACH_TEST_DOWN=1 to allow it"
)
def test_down_leaves_no_process_and_no_port_and_up_works_again() -> None:
    processes = {p.pid: start_time(p.pid) for p in state.read(paths.STATE_FILE).processes if p.pid}
    assert richesreach("down").returncode == 0
    assert daemon.running() is None
    assert [pid for pid, started in processes.items() if start_time(pid) == started] == []
    assert _listening_platform_addresses() == []
    assert richesreach("down").returncode == 0
    result = richesreach("up")
    assert result.returncode == 0, result.stdout + result.stderr


def _listening_platform_addresses() -> list[str]:
    """Listening sockets on 127.70, 127.80 and 127.90 (state 0A in /proc/net/tcp, address little-endian)."""
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, _, status = line.split()[1:4]
        octets = [int(pair, 16) for pair in re.findall("..", local.partition(":")[0])][::-1]
        if status == "0A" and octets[0] == 127 and octets[1] in {70, 80, 90}:
            found.append(".".join(map(str, octets)))
    return found
