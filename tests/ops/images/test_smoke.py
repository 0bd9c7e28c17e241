"""How an image is run, and what counts as having started."""

from __future__ import annotations

import pytest

from ops.errors import OperationError
from ops.images import smoke
from ops.images.task import Container

CONTAINER = Container(
    family="f",
    command=("python", "-m", "x"),
    environment={
        "DATABASE_WRITER_DSN": "postgresql://h:5432/db?sslmode=verify-full&sslrootcert=/etc/ssl/certs/rds.pem",
        "DATABASE_READER_DSN": "postgresql://r:5432/db?sslrootcert=/etc/ssl/certs/rds.pem",
        "PORT": "8000",
    },
    port=8000,
    cpu=0.5,
    memory=1024,
    stop_timeout=40,
    read_only=True,
    init=True,
    dropped=("ALL",),
    open_files=65536,
    mounts=("/scratch",),
)


def test_container_runs_as_the_task_definition_says_and_without_a_network() -> None:
    options = smoke.options(CONTAINER, "name", 65536)
    assert options[options.index("--network") + 1] == "none"
    expected = {
        "--read-only",
        "--init",
        "--cap-drop=ALL",
        "--volume=/scratch",
        "--memory=1024m",
        "--cpus=0.5",
    }
    assert expected | {"--stop-timeout=40", "--ulimit=nofile=65536", "PORT=8000"} <= set(options)
    assert not {"--user", "--privileged"} & set(options)


def test_machine_with_fewer_open_files_gives_what_it_has() -> None:
    assert "--ulimit=nofile=20000" in smoke.options(CONTAINER, "name", 20000)


def test_files_of_certificates_are_found_in_the_addresses() -> None:
    assert smoke.bundles(CONTAINER) == ["/etc/ssl/certs/rds.pem"]


def test_only_what_is_outside_the_volumes_counts_as_written() -> None:
    difference = "C /scratch\nA /scratch/x\nC /usr\nC /usr/sbin\nA /usr/sbin/docker-init\nA /app/cache\n"
    assert smoke.written(difference, ("/scratch",)) == ["/scratch/x", "/app/cache"]


def test_task_has_started_with_its_first_line_of_log() -> None:
    assert (
        smoke.first_event('not json\n{"event": "waiting_for_writer"}\n{"event": "later"}\n')
        == "waiting_for_writer"
    )
    assert smoke.first_event('{"event": "Using selector", "level": "debug"}') is None
    assert smoke.first_event("Traceback (most recent call last):\n[1]\n") is None


def test_task_whose_settings_are_wrong_has_not_started() -> None:
    with pytest.raises(OperationError, match="PORT is missing"):
        smoke.first_event('{"event": "settings_wrong", "problems": ["PORT is missing"]}')
