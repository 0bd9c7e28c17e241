"""A canary passes when the platform answers well and names the reason when it does not."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType

import pytest

from stacks.yaml_file import ROOT

GOOD: dict[str, tuple[int, bytes]] = {
    "/health": (200, b'{"status": "ok"}'),
    "/api/status/services": (200, b'{"status": "healthy", "region": "eu-west-1", "services": {}}'),
}


@pytest.fixture(scope="module")
def canary() -> ModuleType:
    spec = importlib.util.spec_from_file_location("canary_index", ROOT / "lambda/canary/python/index.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Site:
    """A site whose answers a test changes by path."""

    def __init__(self) -> None:
        self.answers = dict(GOOD)
        self.region = "eu-west-1"
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = site.answers.get(self.path, (404, b"{}"))
                self.send_response(status)
                self.send_header("x-richesreach-region", site.region)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_canary_passes_where_the_platform_answers_well(
    canary: ModuleType, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_URL", site.url)
    monkeypatch.setenv("CANARY_REGIONS", "us-east-1,eu-west-1")
    assert canary.handler({}, None) == "eu-west-1"


def test_degraded_platform_still_serves(canary: ModuleType, site: Site) -> None:
    site.answers["/api/status/services"] = (200, b'{"status": "degraded"}')
    assert canary.check(site.url, []) == "eu-west-1"


@pytest.mark.parametrize(
    ("path", "status", "body", "said"),
    [
        ("/health", 503, b"{}", "/health answered 503"),
        ("/api/status/services", 404, b"{}", "/api/status/services answered 404"),
        ("/api/status/services", 200, b"<html>", "is no JSON"),
        ("/api/status/services", 200, b"[]", "no object"),
        ("/api/status/services", 200, json.dumps({"status": "down"}).encode(), "says 'down'"),
    ],
)
def test_wrong_answer_fails_and_is_named(
    path: str, status: int, body: bytes, said: str, canary: ModuleType, site: Site
) -> None:
    site.answers[path] = (status, body)
    with pytest.raises(canary.CanaryFailedError, match=said):
        canary.check(site.url, [])


def test_answer_of_another_region_fails_a_canary_of_an_origin(canary: ModuleType, site: Site) -> None:
    with pytest.raises(canary.CanaryFailedError, match="answered by eu-west-1, not by"):
        canary.check(site.url, ["us-east-1"])


def test_late_answer_is_as_good_as_none(
    canary: ModuleType, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "SLOWEST_SECONDS", 0.0)
    with pytest.raises(canary.CanaryFailedError, match="took"):
        canary.check(site.url, [])


def test_nobody_there_is_a_failure_and_no_traceback(canary: ModuleType) -> None:
    with pytest.raises(canary.CanaryFailedError, match="did not answer"):
        canary.check("http://127.0.0.1:9", [])
