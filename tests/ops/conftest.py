"""A local AWS for commands that ask one: the server that `make up` runs, on a free port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ops.types.conftest import start_server


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its port."""
    process, local_aws = start_server(tmp_path_factory.mktemp("commands"))
    try:
        yield local_aws.endpoint.rsplit(":", 1)[1]
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def commanded(served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the commands take for the local AWS."""
    monkeypatch.setenv("RICHESREACH_AWS_PORT", served)
