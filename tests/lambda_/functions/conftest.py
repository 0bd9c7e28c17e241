"""The functions in the runtime that the local edge uses, with the documented surface and nothing else."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ops.local.edge.functions import node_binary
from stacks.regions import REGIONS

ROOT = Path(__file__).resolve().parents[3]
RUNTIME = ROOT / "ops" / "local" / "edge" / "runtime.mjs"
SOURCE = ROOT / "lambda" / "functions" / "viewer_request.js"
PROTECTED = ["/api/admin/*", "/api/status/cache/clear"]
ORIGINS = ["latency", "latency-stream"]
PLACED = ("us-east-1", "eu-west-1", "ap-southeast-1")


def code() -> str:
    """The viewer-request function as synth writes it for the three regions."""
    places = {region: list(REGIONS[region].location) for region in PLACED}
    text = SOURCE.read_text().replace("__REGIONS__", json.dumps(places))
    return text.replace("__PROTECTED__", json.dumps(PROTECTED))


@dataclass
class ViewerFunction:
    """The loaded function; `drained` and `writer` are values of their keys, None when the key is absent."""

    process: subprocess.Popen[str]
    drained: str | None = None
    writer: str | None = None
    calls: int = 0
    defaults: dict[str, str] = field(default_factory=lambda: {"host": "app.example.test"})

    def send(self, **request: Any) -> dict[str, Any]:
        """One exchange with the runtime."""
        assert self.process.stdin
        assert self.process.stdout
        self.calls += 1
        self.process.stdin.write(json.dumps({"id": self.calls, "name": "viewer", **request}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def run(
        self,
        uri: str = "/",
        headers: dict[str, str] | None = None,
        querystring: dict[str, Any] | None = None,
        store: bool = True,
        method: str = "GET",
        cookies: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """The runtime's answer to a viewer request: `ok`, `output`, `origin`."""
        keys = {"drained": self.drained, "writer": self.writer}
        items = {key: value for key, value in keys.items() if value is not None}
        self.send(op="store", items=items if store else None)
        sent = {name: {"value": value} for name, value in {**self.defaults, **(headers or {})}.items()}
        request = {
            "method": method,
            "uri": uri,
            "querystring": querystring or {},
            "headers": sent,
            "cookies": {name: {"value": value} for name, value in (cookies or {}).items()},
        }
        event = {
            "version": "1.0",
            "context": {"eventType": "viewer-request", "requestId": f"id-{self.calls}"},
            "viewer": {"ip": "127.0.0.1"},
            "request": request,
        }
        return self.send(
            op="run",
            event=event,
            origins=[*ORIGINS, *(f"{r}{kind}" for r in PLACED for kind in ("", "-read", "-stream"))],
            limit_ms=1000,
        )

    def request(self, uri: str = "/", **options: Any) -> dict[str, Any]:
        """The request that the function passed on; fails when it answered itself."""
        answer = self.run(uri, **options)
        assert answer["ok"], answer
        assert "statusCode" not in answer["output"], answer["output"]
        return dict(answer["output"])

    def origin(self, **options: Any) -> str | None:
        """Id of the origin that the function chose; of a group, "first then second"."""
        chosen = self.run(**options)["origin"]
        if chosen is None:
            return None
        return " then ".join(member["id"] for member in chosen.get("group", [chosen]))


@pytest.fixture(scope="session")
def loaded() -> Iterator[ViewerFunction]:
    process = subprocess.Popen(
        [str(node_binary()), str(RUNTIME)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    function = ViewerFunction(process)
    assert function.send(op="load", code=code()) == {"id": 1, "ok": True}
    yield function
    assert process.stdin
    process.stdin.close()
    process.wait(5)


@pytest.fixture
def viewer(loaded: ViewerFunction) -> ViewerFunction:
    loaded.drained = loaded.writer = None
    return loaded
