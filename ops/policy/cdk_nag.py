"""cdk-nag: the four packs, as the CDK's validation report has them."""

from __future__ import annotations

import importlib.util
import re
import tarfile
from importlib.metadata import version
from pathlib import Path

from ops.policy.assembly import Assembly, Json
from ops.policy.finding import Finding, Scan

#: A pack's name in the report, and the module that lists its rules.
MODULES = {
    "AwsSolutions": "aws-solutions",
    "NIST.800.53.R5": "nist-800-53-r5",
    "PCI.DSS.321": "pci-dss-321",
    "HIPAA.Security": "hipaa-security",
}


def scan(assembly: Assembly, rules: dict[str, int] | None = None) -> list[Scan]:
    """A scan for each pack, and one for the CDK's own validation where that found something."""
    counted = rule_counts() if rules is None else rules
    resources = sum(1 for _ in assembly.resources())
    reports = {report["pluginName"]: report for report in assembly.report["pluginReports"]}
    missing = sorted(set(MODULES) - set(reports))
    if missing:
        raise LookupError(f"the validation report holds no {', '.join(missing)}")
    scans = []
    for name, report in reports.items():
        if name in MODULES:
            found = [*_open(name, report), *_suppressed(report)]
            scans.append(Scan(name, version("cdk-nag"), counted[name], resources, found))
        elif report["violations"]:
            scans.append(Scan(name, report.get("pluginVersion", ""), 0, resources, _open(name, report)))
    return scans


def _open(pack: str, report: Json) -> list[Finding]:
    return [
        Finding(f"{pack}::{violation['ruleName']}", construct["constructPath"], violation["description"])
        for violation in report["violations"]
        for construct in violation["violatingConstructs"]
    ]


def _suppressed(report: Json) -> list[Finding]:
    """Judged again by our own rule of matching: what the CDK accepts must be an entry of ours, exactly."""
    return [
        Finding(violation["acknowledgedId"], construct["constructPath"], violation["description"])
        for violation in report.get("suppressedViolations", ())
        for construct in violation["violatingConstructs"]
    ]


def rule_counts() -> dict[str, int]:
    """How many rules each pack applies: cdk-nag tells nobody, so they are counted where it applies them."""
    spec = importlib.util.find_spec("cdk_nag")
    if spec is None or spec.origin is None:
        raise LookupError("cdk-nag is not installed")
    (bundle,) = (Path(spec.origin).parent / "_jsii").glob("*.tgz")
    with tarfile.open(bundle) as archive:
        counts = {}
        for name, module in MODULES.items():
            member = archive.extractfile(f"package/lib/packs/{module}.js")
            source = member.read().decode() if member else ""
            counts[name] = len(re.findall(r"\.applyRule\(", source))
    return counts
