"""cfn-guard: the platform's own promises (`rules/`), where the tool can be had.

It is written in Rust and on no package index that the rest comes from: a cfn-guard on the PATH is taken, else
cargo builds it from crates.io into `.local/policy`. Where neither goes, the report says so and why.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from ops.errors import OperationError
from ops.policy.assembly import Assembly, Json
from ops.policy.finding import Finding, Scan
from stacks.yaml_file import ROOT

TOOL = "cfn-guard"
VERSION = "3.2.1"
HOME = ROOT / ".local" / "policy"
RULES = ROOT / "ops" / "policy" / "rules"

#: A build that is not optimised takes a quarter of the time, and checks forty templates in a second.
BUILD = {"CARGO_PROFILE_RELEASE_OPT_LEVEL": "0", "CARGO_PROFILE_RELEASE_LTO": "off"}
BUILD_SECONDS = 900

#: 0: every rule holds; 19: some do not.
FOUND = (0, 19)


class NotFetchedError(Exception):
    """The tool cannot be had on this machine; the message says why."""


def scan(assembly: Assembly) -> Scan:
    """Raises OperationError when the tool itself fails; one that cannot be had is an absent scan."""
    rules = sum(len(re.findall(r"^rule ", path.read_text("utf-8"), re.M)) for path in RULES.glob("*.guard"))
    resources = sum(1 for _ in assembly.resources())
    try:
        tool = fetched()
    except NotFetchedError as reason:
        return Scan(TOOL, VERSION, rules, resources, absent=str(reason))
    asked = subprocess.run([tool, "--version"], check=False, capture_output=True, text=True)
    command = [tool, "validate", "--data", str(assembly.alone), "--rules", str(RULES)]
    done = subprocess.run(
        [*command, "--output-format", "json", "--structured", "--show-summary", "none"],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode not in FOUND:
        raise OperationError(f"{TOOL} failed: {done.stderr.strip()[-500:]}")
    return Scan(TOOL, asked.stdout.split()[-1], rules, resources, read(assembly, json.loads(done.stdout)))


def read(assembly: Assembly, report: Json) -> list[Finding]:
    """A finding for each clause that a resource does not keep."""
    return [
        _finding(assembly, Path(template["name"]).name.removesuffix(".template.json"), rule["Rule"], check)
        for template in report
        for rule in template["not_compliant"]
        for check in rule["Rule"]["checks"]
    ]


def _finding(assembly: Assembly, stack: str, rule: Json, check: Json) -> Finding:
    """Clauses nest by kind of comparison; what they share is where they ended and what they say."""
    text = json.dumps(check)
    place = re.search(r'"path": "/Resources/([^/"]+)', text)
    said = [message for message in re.findall(r'"custom_message": "([^"]+)"', text) if message]
    path = assembly.path(stack, place.group(1)) if place else stack
    return Finding(f"{TOOL}::{rule['name']}", path, said[0] if said else "")


def fetched() -> str:
    """The command. Raises NotFetchedError."""
    built = HOME / "bin" / TOOL
    for command in (shutil.which(TOOL), str(built)):
        if command and Path(command).exists():
            return command
    cargo = shutil.which("cargo")
    if cargo is None:
        raise NotFetchedError("neither cfn-guard nor cargo is on the PATH; install Rust, or cfn-guard itself")
    try:
        done = subprocess.run(
            [cargo, "install", "--locked", "--root", str(HOME), "--version", VERSION, TOOL],
            env=os.environ | BUILD,
            check=False,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise NotFetchedError(f"cargo did not build it within {BUILD_SECONDS // 60} minutes") from None
    if done.returncode or not built.exists():
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise NotFetchedError(f"cargo cannot fetch or build it: {lines[-1] if lines else 'it says nothing'}")
    return str(built)
