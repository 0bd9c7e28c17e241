"""The Flink job's package: the same bytes wherever it is built, of jars that are what the list says."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from ops.errors import OperationError
from ops.flink import build
from ops.flink.jars import Jar, fetched, listed
from stacks.flink.contents import JARS, fingerprint


def jar(file: Path, entries: dict[str, str]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in entries.items():
            archive.writestr(name, contents)
    return file


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two jars in place of those that Maven fetches."""
    one = jar(tmp_path / "one.jar", {"a/A.class": "one", "META-INF/services/x.Y": "a.A\n"})
    two = jar(
        tmp_path / "two.jar",
        {
            "META-INF/MANIFEST.MF": "Signed: by two",
            "META-INF/TWO.SF": "signature",
            "META-INF/services/x.Y": "b.B\n",
            "a/A.class": "two",
            "b/B.class": "two",
        },
    )
    monkeypatch.setattr(build, "fetched", lambda _jars: [one, two])
    return tmp_path


def test_every_build_gives_the_same_bytes(folder: Path) -> None:
    first = build.build(folder / "first").read_bytes()
    os.utime(folder / "one.jar", (1, 1))
    assert build.build(folder / "second").read_bytes() == first


def test_package_has_the_name_that_a_synth_knows_and_is_built_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = build.build(folder / "out")
    assert made.name == f"{fingerprint()}.zip"
    monkeypatch.setattr(build, "fetched", lambda _jars: pytest.fail("built again"))
    assert build.build(folder / "out") == made


def test_package_holds_the_main_function_its_modules_and_one_jar(folder: Path) -> None:
    with zipfile.ZipFile(build.build(folder / "out")) as package:
        assert package.namelist() == ["lib/bars.zip", "lib/connectors.jar", "main.py"]
        package.extractall(folder / "unpacked")
    with zipfile.ZipFile(folder / "unpacked" / "lib" / "bars.zip") as library:
        assert {"bars/__init__.py", "bars/job.py", "bars/statements.py"} <= set(library.namelist())


def test_jar_of_several_has_all_their_services_and_no_signature(folder: Path) -> None:
    entries = build.merged([folder / "one.jar", folder / "two.jar"])
    assert entries["META-INF/services/x.Y"] == b"a.A\nb.B\n"
    assert (entries["a/A.class"], entries["b/B.class"]) == (b"one", b"two")
    assert entries["META-INF/MANIFEST.MF"] == b"Manifest-Version: 1.0\r\n\r\n"
    assert "META-INF/TWO.SF" not in entries


def test_committed_list_names_the_connector_and_the_sign_in() -> None:
    artifacts = {each.artifact: each for each in listed()}
    assert artifacts.keys() == {"flink-connector-kafka", "kafka-clients", "lz4-java", "aws-msk-iam-auth"}
    assert (
        artifacts["aws-msk-iam-auth"].file
        == f"aws-msk-iam-auth-{artifacts['aws-msk-iam-auth'].version}-all.jar"
    )
    assert artifacts["flink-connector-kafka"].version.endswith("-2.0"), "made for Flink 2"


def test_line_that_names_no_jar_is_told(tmp_path: Path) -> None:
    file = tmp_path / "jars.txt"
    file.write_text(JARS.read_text() + "abc  group:artifact:1\n")
    with pytest.raises(OperationError, match=re.escape("jars.txt:6 is no `<sha256>")):
        listed(file)


def test_jar_that_is_another_is_removed_and_told(tmp_path: Path) -> None:
    (tmp_path / "tool-1.jar").write_bytes(b"something else")
    wanted = Jar(hashlib.sha256(b"as listed").hexdigest(), "group", "tool", "1")
    with pytest.raises(
        OperationError, match=re.escape("tool-1.jar is not what services/flink/jars.txt says")
    ):
        fetched([wanted], tmp_path)
    assert not (tmp_path / "tool-1.jar").exists()


def test_jar_that_is_there_and_right_is_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tool-1.jar").write_bytes(b"as listed")
    monkeypatch.setattr(shutil, "which", lambda _name: pytest.fail("looked for Maven"))
    wanted = Jar(hashlib.sha256(b"as listed").hexdigest(), "group", "tool", "1")
    assert fetched([wanted], tmp_path) == [tmp_path / "tool-1.jar"]


def test_machine_without_maven_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(OperationError, match="apt-get install maven"):
        fetched([Jar("0" * 64, "group", "tool", "1")], tmp_path)


def test_maven_that_fails_is_quoted_with_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho '[ERROR] Unknown host repo'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _name: str(maven))
    with pytest.raises(OperationError, match=r"Unknown host repo.*name a mirror in ~/.m2/settings.xml"):
        fetched([Jar("0" * 64, "group", "tool", "1")], tmp_path)
