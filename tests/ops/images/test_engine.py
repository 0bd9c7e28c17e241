"""Whose engine is used, and what is said where there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.errors import OperationError
from ops.images import engine
from tests.ops.images.conftest import Script

NO_PLUGIN = ('[ "$1" = --version ] && echo "Docker version 28.2.2, build x" && exit 0', "exit 1")
OLDER = ('[ "$1" = --version ] && echo "Docker version 20.10.24, build x" && exit 0', "exit 1")
ANSWERS = (*OLDER[:1], '[ "$1" = info ] && exit 0', 'echo "$DOCKER_BUILDKIT $*"')


def test_client_that_builds_with_buildkit_is_taken_before_one_that_lacks_the_plugin(script: Script) -> None:
    lacking, having = script("one/docker", *NO_PLUGIN), script("two/docker", *OLDER)
    client = engine.find_client(f"{lacking.parent}{os.pathsep}{having.parent}")
    assert client == engine.Client(str(having), buildkit=True)


def test_client_without_buildkit_is_better_than_none(script: Script) -> None:
    docker = script("one/docker", *NO_PLUGIN)
    client = engine.find_client(str(docker.parent))
    assert client is not None
    assert client.environment == {"DOCKER_BUILDKIT": "0"}


def test_engine_that_answers_is_used_and_not_called_ours(
    script: Script, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    docker = script("bin/docker", *ANSWERS)
    monkeypatch.setenv("PATH", f"{docker.parent}{os.pathsep}/bin")
    with engine.engine(tmp_path / "state") as found:
        assert not found.own
        assert found.run("ps", "-q") == "1 ps -q\n"
    assert not (tmp_path / "state").exists()


def test_machine_without_an_engine_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OperationError, match="none is installed; as root: apt-get install"), engine.engine():
        pass


def test_only_root_starts_an_engine(script: Script, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    docker = script("bin/docker", *OLDER)
    script("bin/dockerd", "exit 0")
    monkeypatch.setenv("PATH", f"{docker.parent}{os.pathsep}/bin")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(OperationError, match="only root may start one"), engine.engine(tmp_path / "state"):
        pass


def test_daemon_that_ends_at_once_gives_its_own_reason(script: Script, tmp_path: Path) -> None:
    daemon = script("dockerd", 'echo "level=error msg=no-space-left" >&2', "exit 1")
    with (
        pytest.raises(OperationError, match="msg=no-space-left"),
        engine.own_daemon(str(daemon), tmp_path / "state"),
    ):
        pass


def test_daemon_of_our_own_is_ended_by_its_id_when_the_work_is_done(script: Script, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    daemon = script(
        "dockerd",
        f'trap "echo ended > {folder}/ended; exit 0" TERM',
        f"touch {folder}/docker.sock",
        'echo "API listen on a socket"',
        "while true; do sleep 0.1; done",
    )
    with engine.own_daemon(str(daemon), folder) as address:
        assert address == f"unix://{folder}/docker.sock"
        assert not (folder / "ended").exists()
    assert (folder / "ended").exists()


def test_folder_too_deep_for_a_socket_is_refused_before_anything_starts(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)
    with pytest.raises(OperationError, match="RICHESREACH_STATE_DIR"), engine.own_daemon("dockerd", deep):
        pass
    assert not deep.exists()


def test_failed_command_of_the_client_is_told_by_its_last_line(script: Script) -> None:
    docker = script("docker", 'echo "first" >&2', 'echo "no such image" >&2', "exit 1")
    with pytest.raises(OperationError, match=r"^docker run: no such image$"):
        engine.Engine(str(docker), own=True).run("run", "image")
