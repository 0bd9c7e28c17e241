"""checkov: its policies for CloudFormation, over the templates."""

from __future__ import annotations

import json
import os
import subprocess

from ops.errors import OperationError
from ops.policy.assembly import Assembly, Json
from ops.policy.finding import Finding, Scan
from stacks.yaml_file import ROOT

TOOL = "Checkov"
COMMAND = ROOT / ".venv-policy" / "bin" / "checkov"

#: Nothing is asked of the network: neither modules nor the vendor's platform.
OPTIONS = ("--framework", "cloudformation", "--output", "json", "--compact", "--skip-download")


def scan(assembly: Assembly) -> Scan:
    """Raises OperationError when the tool itself fails or could not read a template."""
    done = subprocess.run(
        [str(COMMAND), "--directory", str(assembly.alone), *OPTIONS],
        env=os.environ | {"CHECKOV_RUN_SCA_PACKAGE_SCAN": "false", "LOG_LEVEL": "ERROR"},
        check=False,
        capture_output=True,
        text=True,
    )
    try:
        report = json.loads(done.stdout)
        return read(assembly, report)
    except (ValueError, KeyError, TypeError):
        raise OperationError(f"{TOOL} failed: {done.stderr.strip()[-500:]}") from None


def read(assembly: Assembly, report: Json) -> Scan:
    """A scan of one framework's report."""
    results, summary = report["results"], report["summary"]
    if summary["parsing_errors"]:
        raise OperationError(f"{TOOL} could not read {', '.join(results.get('parsing_errors', []))}")
    failed = results["failed_checks"]
    evaluated = {check["check_id"] for check in [*failed, *results["passed_checks"]]}
    return Scan(
        TOOL,
        summary["checkov_version"],
        len(evaluated),
        summary["resource_count"],
        [_finding(assembly, check) for check in failed],
    )


def _finding(assembly: Assembly, check: Json) -> Finding:
    stack = check["file_path"].rsplit("/", maxsplit=1)[-1].removesuffix(".template.json")
    logical_id = check["resource"].rsplit(".", maxsplit=1)[-1]
    return Finding(f"{TOOL}::{check['check_id']}", assembly.path(stack, logical_id), check["check_name"])
