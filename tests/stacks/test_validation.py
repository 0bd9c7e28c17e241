"""The CDK's own rules are ready before the app is, and hold as if the app had made them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from stacks.template_rules import LARGE_MODULES
from stacks.yaml_file import ROOT
from tests.stacks.assembly import Assembly
from tests.stacks.node_scripts import BEGIN, run

#: Loads what is loaded while Node is busy, and refuses every call to Node meanwhile.
LOADS_ALONE = """
import importlib
import jsii._kernel.providers.process as process
import aws_cdk
from stacks.template_rules import LARGE_MODULES

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
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "stacks").rglob("*.py")]
    unused = [
        module
        for module in LARGE_MODULES
        if not any(f"from aws_cdk import {module} as " in source for source in sources)
    ]
    assert unused == []


@pytest.mark.parametrize(
    ("validation", "made"), [("false", "NoneType"), ("true", "CloudFormationValidatePlugin")]
)
def test_rules_are_made_unless_validation_is_switched_off(validation: str, made: str) -> None:
    done = run(
        BEGIN + "print(type(template_rules.begin(node).result()).__name__)", {"CDK_VALIDATION": validation}
    )
    assert (done.returncode, done.stdout.strip()) == (0, made), done.stderr
