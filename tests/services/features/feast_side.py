"""The process in which Feast runs, as `.venv-feast` has it: one line of JSON there, one back."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import loopback
import postgres_servers
from cache_servers import CacheServer
from postgres_servers import PostgresCluster

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-feast" / "bin" / "python"
PROBE = Path(__file__).parent / "feast_probe.py"


class FeastSide:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    @property
    def process(self) -> int:
        """Its id."""
        return self._process.pid

    def ask(self, do: str, **told: Any) -> Any:
        """What it answers; fails with the end of what it said where it ended."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"do": do, **told}) + "\n")
        stdin.flush()
        while line := stdout.readline():
            if line.startswith("{"):
                return json.loads(line)
        raise AssertionError(f"Feast ended with {self._process.wait(30)} at {do}")

    def open(self, store: str, cluster: PostgresCluster, cache: CacheServer | None = None) -> Any:
        return self.ask(
            "open",
            store=store,
            host=cluster.writer.host,
            port=cluster.writer.port,
            database=cluster.database,
            user=postgres_servers.USER,
            password=postgres_servers.PASSWORD,
            redis=cache.endpoint if cache else None,
        )


@contextmanager
def feast_side() -> Iterator[FeastSide]:
    process = subprocess.Popen(
        [PYTHON, PROBE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin", "FEAST_USAGE": "False", "HOME": "/tmp"},  # noqa: S108
        preexec_fn=loopback.die_with_parent,  # noqa: PLW1509
    )
    try:
        yield FeastSide(process)
    finally:
        process.kill()
        process.wait(30)
