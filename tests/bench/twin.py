"""The TypeScript twin of the network and ecs areas: installed, compiled, and held against the Python."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stacks.node import NODE
from tests.bench.measure import BenchError

FOLDER = Path(__file__).resolve().parent / "typescript"
NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
APP = FOLDER / "dist" / "bin" / "areas.js"

#: What tells two templates apart that deploy the same: nothing. Asset hashes are of the same folders, and
#: metadata that CloudFormation keeps are part of the comparison. Files beside the templates (the tree, stack
#: metadata) name the language that wrote them, and are no part of it.
COMPARED = "*.template.json"


def versions() -> dict[str, str]:
    """Version of each package that the twin names itself."""
    given: dict[str, dict[str, str]] = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    return given["dependencies"] | given["devDependencies"]


def install(variables: Mapping[str, str]) -> None:
    """Makes the twin ready to run: packages as its lock says, then tsc.

    Raises:
        BenchError: the packages cannot be fetched, or the twin does not compile.
    """
    lock = FOLDER / "package-lock.json"
    mark = FOLDER / "node_modules" / ".package-lock.json"
    if not mark.exists() or mark.stat().st_mtime < lock.stat().st_mtime:
        done = _run([str(NODE), str(NPM), "ci", "--no-audit", "--no-fund"], variables)
        if done.returncode:
            wanted = ", ".join(f"{name} {version}" for name, version in sorted(versions().items()))
            raise BenchError(
                f"npm cannot fetch what tests/bench/typescript/package-lock.json names ({wanted});"
                f" is its registry reachable?\n{done.stderr[-1000:]}"
            )
        mark.touch()
    done = _run([str(NODE), str(FOLDER / "node_modules" / "typescript" / "bin" / "tsc")], variables)
    if done.returncode:
        raise BenchError(f"the TypeScript twin does not compile:\n{done.stdout[-2000:]}{done.stderr[-1000:]}")


def _run(command: list[str], variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=FOLDER, env=dict(variables), check=False, capture_output=True, text=True
    )


def differences(ours: Path, theirs: Path) -> list[str]:
    """What the two assemblies deploy differently, or were held against differently; empty when nothing."""
    found = []
    mine, other = _templates(ours), _templates(theirs)
    found += [f"{name}: only one of the two has it" for name in sorted(mine.keys() ^ other.keys())]
    for name in sorted(mine.keys() & other.keys()):
        found += [f"{name}: {difference}" for difference in _differ(mine[name], other[name])]
    if not found and (checked := _checked(ours)) != (also := _checked(theirs)):
        found.append(f"validation differs: {checked} here, {also} there")
    return found


def _templates(folder: Path) -> dict[str, Any]:
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob(COMPARED)}


def _differ(one: Any, other: Any, path: str = "") -> list[str]:
    """Paths at which two JSON values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [*one, *(key for key in other if key not in one)]
        return [found for key in keys for found in _differ(one.get(key), other.get(key), f"{path}/{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [found for index, (a, b) in pairs for found in _differ(a, b, f"{path}/{index}")]
    return [] if one == other else [path]


def _checked(folder: Path) -> list[tuple[str, str, int, int]]:
    """Each plugin that ran: its name, its verdict, its findings, and those that are acknowledged."""
    report = json.loads((folder / "validation-report.json").read_text(encoding="utf-8"))
    return sorted(
        (
            plugin["pluginName"],
            plugin["conclusion"],
            len(plugin["violations"]),
            len(plugin.get("suppressedViolations", [])),
        )
        for plugin in report["pluginReports"]
    )
