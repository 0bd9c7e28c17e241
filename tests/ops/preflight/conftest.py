"""Accounts to look at: moto's, and a local AWS that deploys small stacks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from moto import mock_aws

from ops.local import aws
from ops.plan.assembly import Stack
from tests.ops.types.conftest import LocalAws, start_server
from tests.ops.types.conftest import Stack as Deployed

Deploy = Callable[[Stack], Deployed]


@pytest.fixture
def in_moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with mock_aws():
        yield


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    process, local_aws = start_server(tmp_path_factory.mktemp("preflight"))
    try:
        yield local_aws
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def local_aws(running: LocalAws, monkeypatch: pytest.MonkeyPatch) -> LocalAws:
    """A local AWS of these tests alone, which the environment ``local`` means."""
    monkeypatch.setenv("RICHESREACH_AWS_PORT", running.endpoint.rsplit(":", 1)[1])
    assert aws.endpoint() == running.endpoint
    return running


@pytest.fixture
def deploy(local_aws: LocalAws) -> Iterator[Deploy]:
    """Deploys stacks for the time of the test."""
    made: list[Deployed] = []

    def create(stack: Stack) -> Deployed:
        deployed = Deployed(local_aws, stack.name, stack.region)
        made.append(deployed)
        deployed.apply(dict(stack.resources), {})
        return deployed

    yield create
    for each in made:
        each.delete()
