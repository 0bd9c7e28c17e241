"""The certificates of RDS are the pinned ones, or say that they are not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ops.errors import OperationError
from ops.images import trust
from ops.images.engine import Engine
from tests.ops.images.conftest import Script

CONTENT = b"-----BEGIN CERTIFICATE-----\n"


class Truststore(BaseHTTPRequestHandler):
    """Serves the bundle and counts who asked."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(200)
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keeps the test's output clean."""


@pytest.fixture
def url() -> Iterator[str]:
    Truststore.asked = 0
    server = HTTPServer(("127.0.0.1", 0), Truststore)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/bundle.pem"
    server.shutdown()
    server.server_close()


@pytest.fixture
def engine(script: Script) -> Engine:
    return Engine(str(script("docker", "echo public-roots")), own=True)


def dockerfile(folder: Path, url: str, sha256: str) -> Path:
    place = folder / "Dockerfile"
    place.write_text(f"ARG RDS_CA_BUNDLE={url}\nARG RDS_CA_SHA256={sha256}\n")
    return place


def test_bundle_with_the_pinned_checksum_is_fetched_once(url: str, engine: Engine, tmp_path: Path) -> None:
    pinned = dockerfile(tmp_path, url, trust.checksum(CONTENT))
    for _ in range(2):
        found = trust.bundle(engine, "base", tmp_path, pinned)
        assert found.genuine
        assert found.path.read_bytes() == CONTENT
    assert Truststore.asked == 1


def test_bundle_with_another_checksum_is_refused_with_the_mend(
    url: str, engine: Engine, tmp_path: Path
) -> None:
    pinned = dockerfile(tmp_path, url, "0" * 64)
    with pytest.raises(OperationError, match=f"{trust.checksum(CONTENT)}.*set RDS_CA_SHA256"):
        trust.bundle(engine, "base", tmp_path, pinned)
    assert not (tmp_path / "rds-global-bundle.pem").exists()


def test_where_aws_is_not_reached_public_roots_stand_in_and_are_not_called_genuine(
    engine: Engine, tmp_path: Path
) -> None:
    pinned = dockerfile(tmp_path, "http://127.0.0.1:1/bundle.pem", "0" * 64)
    found = trust.bundle(engine, "base", tmp_path, pinned)
    assert not found.genuine
    assert found.path.read_text() == "public-roots\n"
    assert found.sha256 == trust.checksum(b"public-roots\n")
