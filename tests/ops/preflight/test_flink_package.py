"""The Flink job's package: built, to be built, or in the way of a deployment."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ops.preflight import flink_package
from ops.preflight.needs import needed
from ops.preflight.result import Verdict
from stacks.flink.contents import fingerprint
from tests.ops.preflight.sites import REGION, found, resource, site, stack

PARALLELISM = {"ParallelismConfiguration": {"Parallelism": 7, "ParallelismPerKPU": 2}}
JOB = stack(
    {
        "Job": resource(
            flink_package.KIND, ApplicationConfiguration={"FlinkApplicationConfiguration": PARALLELISM}
        )
    }
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is built, and there is no Maven."""
    monkeypatch.setattr(flink_package, "FOLDER", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_environment_without_the_job_needs_no_package() -> None:
    (result,) = found(flink_package.check, site(stack({"Topic": resource("AWS::SNS::Topic")})))
    assert (result.verdict, result.said) == (Verdict.OK, "no Flink job is deployed")


def test_package_that_is_built_is_enough(folder: Path) -> None:
    (folder / f"{fingerprint()}.zip").touch()
    (result,) = found(flink_package.check, site(JOB))
    assert (result.verdict, result.said) == (Verdict.OK, f"package {fingerprint()[:12]} is built")


@pytest.mark.usefixtures("folder")
def test_package_that_can_be_built_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/mvn")
    (result,) = found(flink_package.check, site(JOB))
    assert result.verdict is Verdict.OK
    assert "the deployment builds it" in result.said


@pytest.mark.usefixtures("folder")
def test_package_that_cannot_be_built_fails_before_anything_is_deployed() -> None:
    (result,) = found(flink_package.check, site(JOB))
    assert result.verdict is Verdict.FAILED
    assert "apt-get install maven" in result.mend


def test_kpus_are_those_of_the_first_parallelism() -> None:
    assert needed(site(JOB), "flink-kpus", REGION) == 4
    assert needed(site(JOB), "flink-applications", REGION) == 1
    assert needed(site(), "flink-kpus", REGION) == 0
