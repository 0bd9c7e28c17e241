"""A synthesised platform, as its tests read it: templates by region and area, and the order of the stacks."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks.yaml_file import ROOT

Json = Any

#: Variables that a developer's or a CI's shell may hold and that no synthesis may depend on.
FOREIGN = ("AWS_", "CDK_", "RICHESREACH_", "PYTEST_")


@dataclass(frozen=True)
class Resource:
    """One resource of a template."""

    logical_id: str
    type: str
    properties: dict[str, Json]
    whole: dict[str, Json]

    @property
    def depends_on(self) -> list[str]:
        listed = self.whole.get("DependsOn", [])
        return [listed] if isinstance(listed, str) else list(listed)


class Assembly:
    """The output folder of one synthesis of environment `environment`."""

    def __init__(self, folder: Path, environment: str) -> None:
        self.folder = folder
        self.environment = environment

    def stack_id(self, region: str, area: str) -> str:
        return f"richesreach-{self.environment}-{region}-{area}"

    @functools.cached_property
    def stacks(self) -> dict[str, Json]:
        """Artifact of each stack, by its id."""
        manifest = json.loads((self.folder / "manifest.json").read_text())
        return {
            name: artifact
            for name, artifact in manifest["artifacts"].items()
            if artifact["type"] == "aws:cloudformation:stack"
        }

    @functools.cached_property
    def templates(self) -> dict[str, Json]:
        """Template of each stack, by its id."""
        return {
            name: json.loads((self.folder / artifact["properties"]["templateFile"]).read_text())
            for name, artifact in self.stacks.items()
        }

    def regions(self, area: str) -> list[str]:
        """Regions that have a stack of this area."""
        start, end = f"richesreach-{self.environment}-", f"-{area}"
        return [name[len(start) : -len(end)] for name in self.stacks if name.endswith(end)]

    def all(self, region: str, area: str, kind: str) -> list[Resource]:
        """Resources of one type in one stack."""
        resources = self.templates[self.stack_id(region, area)].get("Resources", {})
        return [
            Resource(logical_id, whole["Type"], whole.get("Properties", {}), whole)
            for logical_id, whole in resources.items()
            if whole["Type"] == kind
        ]

    def policies(self, region: str, area: str) -> list[Resource]:
        """Identity policies of one stack, inline and managed."""
        kinds = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        return [resource for kind in kinds for resource in self.all(region, area, kind)]

    def one(self, region: str, area: str, kind: str, **having: Json) -> Resource:
        """The only resource of one type whose properties equal `having`."""
        found = [
            resource
            for resource in self.all(region, area, kind)
            if all(resource.properties.get(key) == value for key, value in having.items())
        ]
        assert len(found) == 1, f"{len(found)} of {kind} with {having} in {self.stack_id(region, area)}"
        return found[0]

    def depends(self, stack: str) -> set[str]:
        """Every stack that is deployed before this one because of it."""
        found: set[str] = set()
        waiting = [stack]
        while waiting:
            for name in self.stacks[waiting.pop()].get("dependencies", []):
                if name in self.stacks and name not in found:
                    found.add(name)
                    waiting.append(name)
        return found


def walk(value: Json) -> Iterator[tuple[str, Json]]:
    """Every key with its value, at every depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def clone(target: Path) -> Path:
    """What git tracks, as it stands in the working tree, copied to `target`."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target


def shell() -> dict[str, str]:
    """This process's variables without any that name an account, an environment or a proxy that works."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    nowhere = "http://127.0.0.1:9"  # port 9 discards: whoever asks the network fails at once
    return kept | {"HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere, "AWS_EC2_METADATA_DISABLED": "true"}


def run_app(
    root: Path, variables: dict[str, str], arguments: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """`python app.py` of the platform at `root`."""
    return subprocess.run(
        [sys.executable, "app.py", *arguments],
        cwd=root,
        env=shell() | variables,
        check=False,
        capture_output=True,
        text=True,
    )
