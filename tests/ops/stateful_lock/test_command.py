"""``richesreach lock``: its files, its answers, its exit status."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops.errors import UsageError
from ops.stateful_lock import cli, command, document
from ops.stateful_lock.acceptance import Reason
from ops.stateful_lock.document import Entry, Lock
from stacks.errors import ConfigurationError
from tests.ops.stateful_lock.locks import CLUSTER, KEY, acceptance, lock

WHY = "restored into the new cluster on 3 May"


@pytest.fixture
def present(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Entry]:
    """What the working tree's prod holds; the lock of prod is in a folder of its own."""
    now = dict(lock().resources)
    monkeypatch.setattr(command, "now", lambda environment: now)
    monkeypatch.setattr(document, "FOLDER", tmp_path)
    document.write("prod", lock())
    return now


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, arguments)


@pytest.mark.usefixtures("present")
def test_environment_as_it_is_locked_is_status_0() -> None:
    result = run("check", "--env", "prod")
    assert (result.exit_code, result.stdout) == (0, "prod: as locked\n")


def test_loss_is_status_3_and_names_the_mend(present: dict[str, Entry]) -> None:
    del present[CLUSTER]
    result = run("check", "--env", "prod")
    assert result.exit_code == 3
    assert f"{CLUSTER} (AWS::RDS::DBCluster db) would be removed" in result.stdout
    assert f"richesreach lock accept {CLUSTER}" in result.stdout


def test_program_reads_the_same_as_json(present: dict[str, Entry]) -> None:
    del present[CLUSTER]
    (finding,) = json.loads(run("check", "--env", "prod", "--format", "json").stdout)
    assert (finding["environment"], finding["id"], finding["kind"]) == ("prod", CLUSTER, "removed")


def test_accepted_change_passes_from_then_on(present: dict[str, Entry]) -> None:
    del present[CLUSTER]
    assert run("accept", CLUSTER, "--why", WHY, "--by", "A. Engineer").exit_code == 0
    assert run("check", "--env", "prod").exit_code == 0
    assert [each.why for each in document.read("prod").history] == [WHY]


def test_acceptance_says_what_is_still_open(present: dict[str, Entry]) -> None:
    present.clear()
    result = run("accept", CLUSTER, "--why", WHY, "--by", "A. Engineer")
    assert f"{KEY} (AWS::KMS::Key) would be removed" in result.stdout


def test_new_resource_is_locked_by_adding(present: dict[str, Entry]) -> None:
    document.write("prod", Lock(resources={KEY: present[KEY]}))
    assert run("check", "--env", "prod").exit_code == 3
    assert "prod: 1 locked" in run("add", "--env", "prod").stdout
    assert run("check", "--env", "prod").exit_code == 0


@pytest.mark.usefixtures("present")
def test_file_is_read_back_as_it_was_written() -> None:
    whole = Lock(resources=lock().resources, history=[acceptance(KEY)])
    document.write("prod", whole)
    assert document.read("prod") == whole


@pytest.mark.usefixtures("present")
def test_file_that_is_no_lock_is_named() -> None:
    document.path_of("prod").write_text("resources: {a: {type: x}}\n")
    with pytest.raises(ConfigurationError, match=r"resources\.a\.deletion: missing"):
        document.read("prod")


def test_environment_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigurationError, match="there is no environment 'moon'"):
        command.chosen("moon")


def test_id_of_no_environment_is_refused() -> None:
    with pytest.raises(UsageError, match="is of no locked environment"):
        command.accept(None, ["Cluster"], Reason(WHY, "A. Engineer", acceptance(KEY).date))


def test_base_that_is_no_revision_is_an_error_of_usage() -> None:
    with pytest.raises(UsageError, match="no-such-branch is no revision"):
        command.at("no-such-branch", "prod")


def test_base_gives_the_lock_as_it_was_committed() -> None:
    assert command.at("HEAD", "moon") == Lock(resources={})


@pytest.fixture
def committed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A repository whose last commit locks ``dev`` and ``gone``, an environment without a file."""
    folder = tmp_path / "stateful.lock"
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(document, "FOLDER", folder)
    for name in ("dev", "gone"):
        document.write(name, lock())
    author = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    for words in (("init", "--quiet"), ("add", "."), (*author, "commit", "--quiet", "--message", "locks")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return folder


def test_environment_whose_lock_the_branch_deletes_is_still_checked(committed: Path) -> None:
    (committed / "dev.yaml").unlink()
    assert "dev" not in command.chosen(None)
    assert "dev" in command.chosen(None, base="HEAD")


def test_environment_that_the_branch_removes_leaves_each_loss_to_be_explained(committed: Path) -> None:
    (committed / "gone.yaml").unlink()
    assert "gone" in command.chosen(None, base="HEAD")
    assert {each.id for each in command.check("gone", "HEAD")} == {CLUSTER, KEY}


@pytest.mark.usefixtures("committed")
def test_environment_that_is_given_up_is_accepted_by_the_lock_that_it_leaves() -> None:
    command.accept("gone", [CLUSTER, KEY], Reason(WHY, "A. Engineer", acceptance(KEY).date))
    assert command.check("gone", "HEAD") == []
