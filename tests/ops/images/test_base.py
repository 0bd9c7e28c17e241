"""The stand-in for the base image: what it is made of, and what it must not remember."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import OperationError
from ops.images import base
from ops.images.dockerfile import argument
from ops.images.engine import Engine
from tests.ops.images.conftest import Script


def test_suite_and_python_are_those_that_the_base_is_called_after() -> None:
    assert base.suite(argument("BASE")) == "trixie"
    assert base.python(argument("BASE")) == "3.13"


def test_security_updates_are_among_the_sources() -> None:
    assert base.sources("http://mirror.example/debian", "trixie").splitlines() == [
        "deb http://mirror.example/debian trixie main",
        "deb http://mirror.example/debian trixie-updates main",
        "deb http://mirror.example/debian-security trixie-security main",
    ]


def test_base_forgets_the_machine_that_made_it(tmp_path: Path) -> None:
    for name in (
        "etc/hostname",
        "etc/resolv.conf",
        "var/lib/apt/lists/x",
        "var/log/apt/history.log",
        "etc/passwd",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("builder-7")
    base.forget(tmp_path)
    left = {
        str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()
    }
    assert left == {"etc/passwd": "builder-7", "etc/machine-id": ""}


def test_somebody_elses_engine_is_never_given_a_stand_in_under_the_real_name(script: Script) -> None:
    docker = script("docker", 'echo "no such host" >&2', "exit 1")
    with pytest.raises(OperationError, match=r"python:3\.13-slim-trixie cannot be pulled: no such host"):
        base.ensure(Engine(str(docker), own=False), "python:3.13-slim-trixie", lambda detail: None)


def test_base_that_is_there_is_neither_pulled_nor_made(script: Script) -> None:
    docker = script("docker", '[ "$3" = python:3.13-slim-trixie ] && exit 0', "exit 1")
    engine = Engine(str(docker), own=True)
    assert base.ensure(engine, "python:3.13-slim-trixie", lambda detail: None) == "python:3.13-slim-trixie"


def test_what_is_still_mounted_in_the_scratch_folder_is_known_the_deepest_first() -> None:
    table = (
        "proc /proc proc rw 0 0\n"
        "proc /srv/scratch/root/proc proc rw,relatime 0 0\n"
        "none /srv/scratch/root/proc/bus usbfs rw 0 0\n"
        "tmpfs /srv/scratch-of-another tmpfs rw 0 0\n"
    )
    assert base.mounted(Path("/srv/scratch"), table) == [
        "/srv/scratch/root/proc/bus",
        "/srv/scratch/root/proc",
    ]
