"""A port that is taken is named, with who has it and what to do."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ops.errors import OperationError
from ops.local import paths, preflight
from stacks.environment import Environment, load_environment
from tests.ops.cli.conftest import free_port, holding


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Environment local on ports that nothing uses, so that a platform that runs here is not in the way."""
    monkeypatch.setenv("RICHESREACH_AWS_PORT", str(free_port()))
    monkeypatch.setenv("RICHESREACH_EDGE_PORT", str(free_port()))
    return on(load_environment("local"), database=free_port(), cache=free_port(), load_balancer=free_port())


def on(environment: Environment, **ports: int) -> Environment:
    """The environment with other ports of its servers."""
    sections = {
        name: getattr(environment, name).model_copy(update={"port": port}) for name, port in ports.items()
    }
    return environment.model_copy(update=sections)


def refusal(environment: Environment) -> str:
    with pytest.raises(OperationError) as caught:
        preflight.check(environment)
    return str(caught.value)


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def test_free_ports_are_no_failure(environment: Environment) -> None:
    preflight.check(environment)


@pytest.mark.parametrize(
    ("variable", "owner"), [("RICHESREACH_AWS_PORT", "the local AWS"), ("RICHESREACH_EDGE_PORT", "the edge")]
)
def test_taken_port_names_its_holder_and_the_variable_that_moves_it(
    variable: str, owner: str, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with holding("127.0.0.1") as (pid, port):
        monkeypatch.setenv(variable, str(port))
        said = refusal(environment)
        assert f"127.0.0.1:{port}, which {owner} needs, is taken by {name_of(pid)} (pid {pid})" in said
        assert said.endswith(f"end it, or set {variable} to a free port")


@pytest.mark.parametrize("section", ["database", "cache", "load_balancer"])
@pytest.mark.parametrize("address", preflight.PROBED)
def test_server_on_an_address_of_the_platform_is_named(
    address: str, section: str, environment: Environment
) -> None:
    with holding(address) as (pid, port):
        said = refusal(on(environment, **{section: port}))
        assert f"{address}:{port}, which the platform's servers needs, is taken by" in said
        assert f"(pid {pid})" in said


def test_server_on_every_address_is_named(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    with holding("127.90.0.1") as (bystander, port), holding("127.0.0.1", port) as (pid, _):
        monkeypatch.setenv("RICHESREACH_AWS_PORT", str(port))
        said = refusal(environment)
        assert f"(pid {pid})" in said
        assert str(bystander) not in said.split("pid")[1]


def test_port_that_was_closed_a_moment_ago_is_free(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0] as accepted:
            accepted.shutdown(socket.SHUT_RDWR)  # leaves the port in TIME_WAIT
    monkeypatch.setenv("RICHESREACH_EDGE_PORT", str(port))
    preflight.check(environment)


def test_program_that_is_not_installed_is_named(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = paths.ROOT / ".venv-local" / "bin" / "absent"
    monkeypatch.setattr(paths, "LOCAL_PYTHON", missing)
    assert refusal(environment) == ".venv-local/bin/absent is missing; run `make install`"
