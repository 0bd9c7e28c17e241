"""Scripts on a Node of their own, as `app.py` has one: jsii takes one in a process, and pytest's has it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

from stacks.yaml_file import ROOT

BEGIN = """
from stacks import template_rules
from stacks.node import NodeProcess
node = NodeProcess()
"""

CONNECT = (
    BEGIN
    + """
from stacks.kernel import connect
connect(node)
import aws_cdk as cdk
"""
)


def run(script: str, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """``script`` in an interpreter of its own, which imports from this repository."""
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(variables or {})},
        check=False,
        capture_output=True,
        text=True,
    )
