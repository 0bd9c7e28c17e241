"""What every custom resource's test needs: the function as Lambda loads it, and CloudFormation's URL."""

from __future__ import annotations

import http.server
import importlib.util
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def load(name: str) -> ModuleType:
    """`lambda/<name>/index.py`, its neighbours found beside it, as Lambda unpacks the folder at the root."""
    folder = ROOT / "lambda" / name
    spec = importlib.util.spec_from_file_location(f"{name}_index", folder / "index.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(folder))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
    return module


def event(url: str, request: str, properties: dict[str, Any]) -> dict[str, Any]:
    """A request as CloudFormation sends it: every plain value is text."""
    return {
        "RequestType": request,
        "ResponseURL": url,
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/lake/1",
        "RequestId": "request-1",
        "LogicalResourceId": "Resource",
        "ResourceProperties": properties,
    }


@contextmanager
def response_url() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A real HTTP server in place of the pre-signed URL, and what was PUT to it."""
    answers: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            answers.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/answer", answers
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
