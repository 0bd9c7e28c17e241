"""The mock provider's process, and what tests tell it."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import loopback

ROOT = Path(__file__).parents[3]


class MockProvider:
    """`url` is where it answers; every rule is one of `ops.local.model_provider.rules.Rule`."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.url = f"http://{host}:{port}"

    def rules(self, *rules: dict[str, Any]) -> None:
        self._ask("PUT", "/_mock/rules", list(rules))

    def does(self, mode: str, **details: Any) -> None:
        """Everything goes this way from now on, or what the details say."""
        self.rules({"mode": mode, **details})

    def seen(self) -> list[dict[str, Any]]:
        """Every request since the test began, in order."""
        found: list[dict[str, Any]] = self._ask("GET", "/_mock/seen")
        return found

    def remember(self, wanted: bool) -> None:
        """Whether it keeps what it has seen."""
        self._ask("PUT", "/_mock/remember", wanted)

    def forget(self) -> None:
        self._ask("DELETE", "/_mock/rules")
        self._ask("DELETE", "/_mock/seen")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())


@contextmanager
def running() -> Iterator[MockProvider]:
    host, port = loopback.own_address()
    process = subprocess.Popen(
        [sys.executable, "-m", "ops.local.model_provider", "--host", host, "--port", str(port)],
        cwd=ROOT,
        preexec_fn=loopback.die_with_parent,  # noqa: PLW1509
    )
    try:
        loopback.until(lambda: loopback.accepts(host, port), "the mock provider serves")
        yield MockProvider(host, port)
    finally:
        process.terminate()
        process.wait(30)
