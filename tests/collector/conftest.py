"""The collector that `make test-collector` builds, between a task and what it writes to."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

import pytest

from stacks.ecs.telemetry import configuration
from stacks.yaml_file import ROOT
from tests.collector.remote_write import series

T = TypeVar("T")

COLLECTOR = ROOT / ".local" / "collector" / "collector"
TASK = "0123456789abcdef0123456789abcdef"
ARN = f"arn:aws:ecs:eu-west-1:111111111111:task/richesreach-prod/{TASK}"
EXPOSITION = b"""# TYPE richesreach_requests_total counter
richesreach_requests_total{method="GET",status="200"} 7
"""


@dataclass
class World:
    """What is around the collector in a task, and what it sent out of it."""

    port: int = 0
    series: list[dict[str, str]] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    segments: list[dict[str, object]] = field(default_factory=list)


def program() -> Path:
    assert COLLECTOR.exists(), f"{COLLECTOR} is missing; run `make test-collector`, which builds it"
    return COLLECTOR


def text(**values: str) -> str:
    """The configuration as a task of prod's gateway in Ireland gets it, but for ``values``."""
    return configuration(
        {
            "AWS_REGION": "eu-west-1",
            "ENVIRONMENT": "prod",
            "METRICS_ENDPOINT": "https://aps-workspaces.example/workspaces/ws-1/api/v1/remote_write",
            "SCRAPE_INTERVAL": "10s",
            "SERVICE_NAME": "gateway",
            "SERVICE_PORT": "8000",
            "TRACE_PERCENT": "5",
        }
        | values
    )


def variables(content: str, **more: str) -> dict[str, str]:
    """What a task has: its configuration, and credentials, which the signer asks for at the start."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return own | {
        "AOT_CONFIG_CONTENT": content,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-west-1",
        **more,
    }


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """The service's metrics, the task's metadata, the workspace and X-Ray, on one port."""
    seen = World()
    metadata = {"Cluster": "richesreach-prod", "TaskARN": ARN, "Family": "gateway", "LaunchType": "FARGATE"}
    container = {"DockerId": "c", "Labels": {}, "ContainerARN": ARN, "LogDriver": "awslogs", "LogOptions": {}}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pages = {"/metrics/": EXPOSITION, "/v4/c/task": json.dumps(metadata).encode()}
            self._answer(pages.get(self.path, json.dumps(container).encode()))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/TraceSegments":
                seen.segments += [json.loads(each) for each in json.loads(body)["TraceSegmentDocuments"]]
                self._answer(b"{}")
                return
            seen.signatures.append(self.headers.get("authorization", ""))
            seen.series += series(body)
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def log(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The collector's own log, while it runs."""
    here = f"http://127.0.0.1:{world.port}"
    content = text(METRICS_ENDPOINT=f"{here}/write", SERVICE_PORT=str(world.port), TRACE_PERCENT="100")
    surroundings = variables(
        content, ECS_CONTAINER_METADATA_URI_V4=f"{here}/v4/c", AWS_ENDPOINT_URL_XRAY=here, GOMEMLIMIT="192MiB"
    )
    path = tmp_path_factory.mktemp("collector") / "log"
    with path.open("wb") as output:
        process = subprocess.Popen([program()], env=surroundings, stdout=output, stderr=output)
        try:
            yield path
        finally:
            process.terminate()
            process.wait(timeout=30)


def eventually(found: Callable[[], T | None], log: Path) -> T:
    """The first truthy answer; the collector's log when there is none in a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = found()
        if answer:
            return answer
        time.sleep(0.2)
    pytest.fail(f"not within a minute; the collector says:\n{log.read_text()}")
