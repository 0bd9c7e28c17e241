"""pip-audit itself, asking a server with OSV's interface that knows one vulnerability.

The shape is that of OSV's schema 1.x and of `POST /v1/query` (google.github.io/osv.dev). `make test` brings
pip-audit, as `make .venv-images/installed` does.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ops.errors import OperationError
from ops.images import audit
from ops.images.contents import Library
from ops.images.places import TOOLS_PYTHON

ADVISORY = {
    "id": "GHSA-462w-v97r-4m45",
    "aliases": ["CVE-2019-10906", "PYSEC-2019-217"],
    "summary": "Jinja2 sandbox escape via string formatting",
    "published": "2019-04-10T14:30:24Z",
    "modified": "2024-09-24T15:03:46Z",
    "schema_version": "1.7.3",
    "affected": [
        {
            "package": {"name": "jinja2", "ecosystem": "PyPI", "purl": "pkg:pypi/jinja2"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.10.1"}]}],
            "versions": ["2.9", "2.9.6", "2.10"],
        }
    ],
}


@dataclass
class Osv:
    """What the server answers about jinja2 2.10, and what it was asked."""

    advisory: dict[str, Any] = field(default_factory=lambda: dict(ADVISORY))
    status: int = 200
    asked: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def osv(monkeypatch: pytest.MonkeyPatch) -> Iterator[Osv]:
    assert TOOLS_PYTHON.exists(), "pip-audit is missing; run `make .venv-images/installed`"
    known = Osv()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["content-length"])))
            name, version = query["package"]["name"], query["version"]
            known.asked.append((name, version))
            found = {"vulns": [known.advisory]} if (name, version) == ("jinja2", "2.10") else {}
            body = json.dumps(found).encode()
            self.send_response(known.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setattr(audit, "SOURCES", ("osv",))
    monkeypatch.setenv(audit.OSV_URL, f"http://127.0.0.1:{server.server_port}/v1/query")
    yield known
    server.shutdown()
    thread.join()
    server.server_close()


def library(name: str, version: str) -> Library:
    return Library(name, version, None, ())


OLD, MENDED, OTHER = library("Jinja2", "2.10"), library("Jinja2", "2.10.1"), library("redis", "6.4.0")


def test_image_with_a_vulnerable_library_fails_and_names_the_mend(osv: Osv, tmp_path: Path) -> None:
    with pytest.raises(OperationError) as refused:
        audit.audit([OTHER, OLD], tmp_path)
    assert "Jinja2 2.10 has " in str(refused.value) or "jinja2 2.10 has " in str(refused.value)
    assert str(refused.value).endswith("mended in 2.10.1")


def test_image_with_the_mended_library_passes(osv: Osv, tmp_path: Path) -> None:
    assert audit.audit([OTHER, MENDED], tmp_path) == "osv"


def test_each_library_is_asked_about_and_no_other(osv: Osv, tmp_path: Path) -> None:
    audit.audit([OTHER, MENDED], tmp_path)
    assert sorted(osv.asked) == [("jinja2", "2.10.1"), ("redis", "6.4.0")]


def test_advisory_that_was_withdrawn_is_none(osv: Osv, tmp_path: Path) -> None:
    osv.advisory["withdrawn"] = "2024-01-01T00:00:00Z"
    assert audit.audit([OLD], tmp_path) == "osv"


def test_vulnerability_without_a_mend_says_so(osv: Osv, tmp_path: Path) -> None:
    osv.advisory["affected"] = [{"package": {"name": "jinja2", "ecosystem": "PyPI"}, "versions": ["2.10"]}]
    with pytest.raises(OperationError, match="mended in no version"):
        audit.audit([OLD], tmp_path)


def test_source_that_fails_is_no_good_news(osv: Osv, tmp_path: Path) -> None:
    osv.status = 503
    with pytest.raises(OperationError, match=r"osv does not answer.*AUDIT=offline"):
        audit.audit([MENDED], tmp_path)
