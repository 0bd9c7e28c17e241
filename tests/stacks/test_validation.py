"""The CDK's own rules are ready before the app is, and hold as if the app had made them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from stacks.node import NODE
from stacks.yaml_file import ROOT
from tests.stacks.assembly import Assembly

#: Loads what is loaded while Node is busy, and refuses every call to Node meanwhile.
LOADS_ALONE = """
import importlib
import jsii._kernel.providers.process as process
from stacks.validation import LARGE_MODULES

def refuse(self, request, response_type):
    raise AssertionError(f"calls Node: {request}")

process._NodeProcess.send = refuse
for module in LARGE_MODULES:
    importlib.import_module(f"aws_cdk.{module}")
"""


def test_prod_is_held_against_the_rules_of_the_cdk_and_of_cdk_nag(prod: Assembly) -> None:
    report = json.loads((prod.folder / "validation-report.json").read_text())
    assert [plugin["pluginName"] for plugin in report["pluginReports"]] == [
        "AwsSolutions",
        "CloudFormation Validate",
    ]


def test_modules_that_are_loaded_beside_the_rules_do_not_call_node() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADS_ALONE], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_modules_that_are_loaded_beside_the_rules_are_those_of_the_stacks() -> None:
    from stacks.validation import LARGE_MODULES  # noqa: PLC0415  (starts Node)

    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "stacks").rglob("*.py")]
    unused = [
        module
        for module in LARGE_MODULES
        if not any(f"from aws_cdk import {module} as " in source for source in sources)
    ]
    assert unused == []


def test_no_rules_are_made_where_validation_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    from stacks.validation import template_rules  # noqa: PLC0415  (starts Node)

    monkeypatch.setenv("CDK_VALIDATION", "false")
    assert template_rules() is None


def test_node_is_started_without_a_script_in_between() -> None:
    assert NODE.read_bytes()[:4] == b"\x7fELF"
