"""cfn-lint: are the templates what CloudFormation takes? What its metadata exempts is listed too."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from ops.errors import OperationError
from ops.policy.assembly import Assembly
from ops.policy.finding import Finding, Scan

TOOL = "cfn-lint"

#: ``stacks/base.py`` writes the exemption where the CDK itself makes what the rule finds.
REASONS = {"W3005": "the CDK itself writes DependsOn beside a reference of the resource"}

#: Its status is a sum of what it found: 2 errors, 4 warnings, 8 information. Beyond that it failed.
FOUND = range(16)


def scan(assembly: Assembly) -> Scan:
    """Raises OperationError when the tool itself fails."""
    templates = sorted(str(path) for path in assembly.alone.iterdir())
    tool = str(Path(sys.executable).parent / TOOL)
    done = subprocess.run([tool, "--format", "json", *templates], check=False, capture_output=True, text=True)
    try:
        matches = json.loads(done.stdout or "[]")
    except ValueError:
        matches = None
    if matches is None or done.returncode not in FOUND:
        raise OperationError(f"{TOOL} failed: {done.stderr.strip()[-500:]}")
    return Scan(
        TOOL,
        version(TOOL),
        rule_count(),
        sum(1 for _ in assembly.resources()),
        [_finding(assembly, match) for match in matches],
        accepted=list(exemptions(assembly)),
    )


def _finding(assembly: Assembly, match: dict[str, object]) -> Finding:
    rule, location, message = match["Rule"], match["Location"], match["Message"]
    stack = Path(str(match["Filename"])).name.removesuffix(".template.json")
    keys = location.get("Path") if isinstance(location, dict) else None
    identifier = rule["Id"] if isinstance(rule, dict) else "?"
    inside = isinstance(keys, list) and len(keys) > 1 and keys[0] == "Resources"
    path = assembly.path(stack, str(keys[1])) if inside and isinstance(keys, list) else stack
    return Finding(f"{TOOL}::{identifier}", path, str(message))


def exemptions(assembly: Assembly) -> Iterator[tuple[Finding, str]]:
    """Rules that a resource's metadata switches off for that resource.

    Raises:
        OperationError: one has no known reason.
    """
    for stack, logical_id, body in assembly.resources():
        for rule in body.get("Metadata", {}).get(TOOL, {}).get("config", {}).get("ignore_checks", ()):
            path = assembly.path(stack, logical_id)
            if rule not in REASONS:
                raise OperationError(
                    f"{path} is exempt from {rule}, and nothing says why; give it in {__file__}"
                )
            yield Finding(f"{TOOL}::{rule}", path), REASONS[rule]


def rule_count() -> int:
    """Rules that run unless something else is asked for: experimental and informational ones do not."""
    from cfnlint.core import get_rules  # noqa: PLC0415  (takes a second)

    rules = get_rules([], [], ["W", "E"])
    return sum(1 for identifier in rules.rules if rules.is_rule_enabled(rules.rules[identifier]))
