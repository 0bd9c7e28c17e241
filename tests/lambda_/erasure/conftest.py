"""The two functions as Lambda loads them, and the servers whose data they erase: all real."""

from __future__ import annotations

import importlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from ops.local.reconcilers.aurora import install
from ops.local.reconcilers.aurora_topology import Credentials, Instance
from ops.local.reconcilers.cache import find_server
from ops.local.reconcilers.postgres import PostgresServer

LAMBDA = Path(__file__).resolve().parents[3] / "lambda"
MASTER = Credentials("platform", "it's-a-pässword")
MODULES = ("cache", "database", "index", "lake", "postgres", "user_pool")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _load(folder: str, name: str) -> Iterator[ModuleType]:
    """A module of a function, its neighbours found as Lambda finds them."""
    path = str(LAMBDA / folder)
    hidden = {module: sys.modules.pop(module) for module in MODULES if module in sys.modules}
    sys.path.insert(0, path)
    try:
        yield importlib.import_module(name)
    finally:
        sys.path.remove(path)
        for module in MODULES:
            sys.modules.pop(module, None)
        sys.modules.update(hidden)


@pytest.fixture
def lake() -> Iterator[ModuleType]:
    yield from _load("erasure", "lake")


@pytest.fixture
def cache() -> Iterator[ModuleType]:
    yield from _load("erasure", "cache")


@pytest.fixture
def database() -> Iterator[ModuleType]:
    yield from _load("erasure", "database")


@pytest.fixture
def worker() -> Iterator[ModuleType]:
    yield from _load("erasure", "index")


@pytest.fixture
def control() -> Iterator[ModuleType]:
    yield from _load("erasure_control", "index")


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a real server."""
    port = free_port()
    command = [str(find_server()), "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    with subprocess.Popen(
        command, cwd=tmp_path_factory.mktemp("valkey"), stdout=subprocess.DEVNULL
    ) as server:
        while server.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        assert server.poll() is None
        yield port
        server.terminate()


@dataclass(frozen=True)
class Postgres:
    """A server with the platform's database; ``sql`` runs statements in it as its master user."""

    port: int
    sql: Callable[..., list[tuple[str | None, ...]]]


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    folder = tmp_path_factory.mktemp("postgres")
    (folder / "logs").mkdir()
    for parent in [*folder.parents][:3]:  # pytest makes its folders private; the server is not root
        parent.chmod(0o755)
    spec = Instance("us-east-1", "erasure", "erasure-1", free_port(), ("127.0.0.1",))
    server = PostgresServer(spec, install(folder / "data", folder / "logs"))
    server.create(MASTER, "richesreach")

    def sql(text: str, *values: str) -> list[tuple[str | None, ...]]:
        module = next(_load("erasure", "postgres"))
        with module.connect(
            "127.0.0.1", spec.port, "richesreach", MASTER.user, MASTER.password, tls=False
        ) as connection:
            rows: list[tuple[str | None, ...]] = connection.query(text, *values)
            return rows

    yield Postgres(spec.port, sql)
    server.stop()
