"""A library without a wheel for the tasks' processors is found before a deployment needs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import OperationError
from ops.images import wheels
from stacks.environment import load_environment
from tests.ops.images.conftest import Script


def test_lock_is_resolved_for_the_other_machine_with_its_hashes() -> None:
    command = wheels.command("arm64", "3.13", Path("lock.txt"))
    assert "--platform=manylinux_2_28_aarch64" in command
    assert {"--python-version=3.13", "--only-binary=:all:", "--require-hashes", "--dry-run"} <= set(command)


def test_every_architecture_of_an_environment_is_known() -> None:
    environments = ("local", "dev", "staging", "prod")
    assert {load_environment(name).services.architecture for name in environments} <= set(wheels.MACHINES)


def test_library_without_a_wheel_is_named(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "ERROR: No matching distribution found for uvloop==0.22.1"
    tool = script("tool", f'echo "{said}" >&2', 'echo "later" >&2', "exit 1")
    monkeypatch.setattr(wheels, "TOOLS_PYTHON", tool)
    with pytest.raises(OperationError, match=f"do not install on arm64: {said}"):
        wheels.check("arm64", "3.13")
