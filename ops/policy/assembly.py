"""Prod, synthesised with every pack of cdk-nag, and what its templates hold."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from ops.errors import OperationError
from stacks.yaml_file import ROOT

ENVIRONMENT = "prod"
REPORT = "validation-report.json"

Json = Any


def synthesise(folder: Path) -> Assembly:
    """Writes the assembly into ``folder``. Findings of the packs are in its report, and no error here.

    Raises:
        OperationError: the synthesis failed for another reason.
    """
    shutil.rmtree(folder, ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", "ops.policy.synthesis", str(folder)],
        cwd=ROOT,
        env=os.environ | {"AWS_EC2_METADATA_DISABLED": "true"},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode or not (folder / REPORT).exists():
        raise OperationError(f"{ENVIRONMENT} cannot be synthesised: {done.stderr.strip()[-2000:]}")
    return Assembly(folder)


class Assembly:
    """The templates of ``folder``, also alone in ``folder/templates`` for tools that read whole folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.alone = folder / "templates"
        self.alone.mkdir(exist_ok=True)
        for template in folder.glob("*.template.json"):
            shutil.copy(template, self.alone)

    @cached_property
    def templates(self) -> dict[str, Json]:
        """By stack id."""
        return {
            path.name.removesuffix(".template.json"): json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(self.alone.iterdir())
        }

    def resources(self) -> Iterator[tuple[str, str, Json]]:
        """Stack id, logical id and body of every resource."""
        for stack, template in self.templates.items():
            for logical_id, body in template.get("Resources", {}).items():
                yield stack, logical_id, body

    def path(self, stack: str, logical_id: str) -> str:
        """The construct's path of a resource; its logical id below the stack where it has none."""
        body = self.templates[stack].get("Resources", {}).get(logical_id, {})
        return str(body.get("Metadata", {}).get("aws:cdk:path", f"{stack}/{logical_id}"))

    @property
    def report(self) -> Json:
        """What the validation plugins reported."""
        return json.loads((self.folder / REPORT).read_text(encoding="utf-8"))
