"""The running local platform: the one that is up, or one that this session starts and stops."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from ops.local import daemon, paths, readiness, state
from stacks.environment import Environment, load_environment
from tests.acceptance.client import Edge, richesreach


@pytest.fixture(scope="session")
def environment() -> Environment:
    return load_environment("local")


@pytest.fixture(scope="session", autouse=True)
def _platform(environment: Environment) -> Iterator[None]:
    started_here = daemon.running() is None
    result = richesreach("up")
    assert result.returncode == 0, result.stdout + result.stderr
    assert readiness.unready(environment, state.read(paths.STATE_FILE)) == []
    yield
    if started_here:
        subprocess.run([str(paths.PYTHON.parent / "richesreach"), "down"], check=True, capture_output=True)


@pytest.fixture(scope="session")
def edge() -> Edge:
    return Edge(readiness.edge_url())
