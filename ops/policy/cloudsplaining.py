"""cloudsplaining: does every policy of every role keep to least privilege?"""

from __future__ import annotations

import json
import subprocess

from ops.errors import OperationError
from ops.policy.assembly import Assembly, Json
from ops.policy.finding import Finding, Scan
from stacks.yaml_file import ROOT

TOOL = "Cloudsplaining"
PYTHON = ROOT / ".venv-policy" / "bin" / "python"
SCRIPT = ROOT / "ops" / "policy" / "least_privilege.py"

#: What a finding of each kind says; the kinds are cloudsplaining's own.
KINDS = {
    "CredentialsExposure": "hands out credentials",
    "DataExfiltration": "reads data or secrets of any resource",
    "InfrastructureModification": "changes any resource of its type",
    "PrivilegeEscalation": "lets its holder widen its own rights",
    "ResourceExposure": "lets its holder give any resource to others",
    "ServiceWildcard": "allows every action of a service",
}


def scan(assembly: Assembly) -> Scan:
    """Raises OperationError when the tool itself fails."""
    # -P: this folder has a module of the tool's own name.
    done = subprocess.run(
        [str(PYTHON), "-P", str(SCRIPT), str(assembly.alone)], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise OperationError(f"{TOOL} failed: {done.stderr.strip()[-500:]}")
    return read(assembly, json.loads(done.stdout))


def read(assembly: Assembly, report: Json) -> Scan:
    """A scan of what the script prints."""
    findings = [
        Finding(
            f"{TOOL}::{each['kind']}[{each['name']}]",
            assembly.path(each["stack"], each["logical_id"]),
            KINDS[each["kind"]],
        )
        for each in report["findings"]
    ]
    return Scan(TOOL, report["version"], len(KINDS), report["policies"], findings, of="policies")
