"""The command line in a process of its own, with a state folder and ports that nothing else uses."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from stacks.yaml_file import ROOT

#: Listens on the address and port given, says so, and waits to be ended.
HOLD = (
    "import socket, sys, time; s = socket.create_server((sys.argv[1], int(sys.argv[2])));"
    " print(s.getsockname()[1], flush=True); time.sleep(600)"
)


@dataclass
class Result:
    status: int
    output: str
    errors: str


Run = Callable[..., Result]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def holding(address: str, port: int = 0, *arguments: str) -> Iterator[tuple[int, int]]:
    """A child that listens there: its pid and its port."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, address, str(port), *arguments], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        yield child.pid, int(child.stdout.readline())
    finally:
        child.kill()
        child.communicate()


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def richesreach(state_dir: Path) -> Run:
    """Runs `richesreach …` as a user does, without any AWS variable of this shell."""

    def run(*arguments: str, **variables: str) -> Result:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CDK_", "RICHESREACH_"))}
        own = {
            "RICHESREACH_STATE_DIR": str(state_dir),
            "RICHESREACH_AWS_PORT": str(free_port()),
            "RICHESREACH_EDGE_PORT": str(free_port()),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        done = subprocess.run(
            [sys.executable, "-m", "ops.cli", *arguments],
            cwd=ROOT,
            env=kept | own | variables,
            check=False,
            capture_output=True,
            text=True,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    return run
