"""The TypeScript twin is of the same CDK with the same flags, and its lock is complete."""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path

import pytest

from stacks.flags import FLAGS
from tests.bench import twin


@pytest.mark.parametrize("package", ["aws-cdk-lib", "cdk-nag", "constructs"])
def test_twin_is_of_the_same_version(package: str) -> None:
    assert twin.versions()[package] == metadata.version(package)


def test_twin_has_the_same_feature_flags() -> None:
    source = (twin.FOLDER / "lib" / "flags.ts").read_text(encoding="utf-8")
    flags = re.findall(r'^  "([^"]+)": (.+),$', source, re.MULTILINE)
    assert {name: json.loads(value) for name, value in flags} == FLAGS


def test_lock_pins_every_package_by_its_content_and_names_no_registry() -> None:
    lock = json.loads((twin.FOLDER / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    bundled = {name for name, entry in packages.items() if entry.get("inBundle")}
    assert [name for name in packages.keys() - bundled if "integrity" not in packages[name]] == []
    assert [name for name, entry in packages.items() if "resolved" in entry] == []


def assembly(folder: Path, resources: object, findings: int = 0) -> Path:
    """As much of an assembly as is compared: one template and a report of one plugin."""
    folder.mkdir()
    (folder / "one.template.json").write_text(json.dumps({"Resources": resources}))
    plugin = {"pluginName": "Rules", "conclusion": "success", "violations": [{}] * findings}
    (folder / "validation-report.json").write_text(json.dumps({"pluginReports": [plugin]}))
    return folder


def test_equal_assemblies_have_no_differences(tmp_path: Path) -> None:
    resources = {"Bucket": {"Type": "AWS::S3::Bucket"}}
    one, other = assembly(tmp_path / "one", resources), assembly(tmp_path / "other", resources)
    assert twin.differences(one, other) == []


def test_difference_is_named_by_its_path(tmp_path: Path) -> None:
    one = assembly(tmp_path / "one", {"Bucket": {"Properties": {"BucketName": "a"}}})
    other = assembly(tmp_path / "other", {"Bucket": {"Properties": {"BucketName": "b"}}})
    found = twin.differences(one, other)
    assert found == ["one.template.json: /Resources/Bucket/Properties/BucketName"]


def test_template_of_one_side_only_is_a_difference(tmp_path: Path) -> None:
    one, other = assembly(tmp_path / "one", {}), assembly(tmp_path / "other", {})
    (one / "two.template.json").write_text("{}")
    assert twin.differences(one, other) == ["two.template.json: only one of the two has it"]


def test_other_findings_are_a_difference(tmp_path: Path) -> None:
    one, other = assembly(tmp_path / "one", {}), assembly(tmp_path / "other", {}, findings=1)
    assert len(twin.differences(one, other)) == 1
