"""A synthesised environment: its stacks with their templates, read from a cloud assembly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.errors import OperationError

Template = Mapping[str, Any]

#: CloudFormation's limit of resources in one template.
RESOURCE_LIMIT = 500


@dataclass(frozen=True)
class Stack:
    """One stack. ``dependencies`` are names of stacks that must be deployed before it, ``protected`` is
    whether CloudFormation is to refuse to delete it; both are what an assembly says."""

    name: str
    region: str
    account: str
    template: Template
    dependencies: tuple[str, ...] = ()
    protected: bool = False

    @property
    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        """Resources by logical id, without the CDK's own record of its version."""
        return {
            logical_id: resource
            for logical_id, resource in self.template.get("Resources", {}).items()
            if resource["Type"] != "AWS::CDK::Metadata"
        }


def area_of(name: str, region: str) -> str:
    """``richesreach-prod-eu-west-1-lake-catalogue`` in eu-west-1 is of the area ``lake-catalogue``."""
    return name.partition(f"-{region}-")[2] or name


def read(folder: Path) -> dict[str, Stack]:
    """Stacks by name, in the order of the assembly.

    Raises:
        OperationError: the folder holds no cloud assembly.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise OperationError(f"{folder} holds no cloud assembly; run `make synth` first") from None
    artifacts = {
        name: artifact
        for name, artifact in manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    return {name: _stack(folder, name, artifact, artifacts) for name, artifact in artifacts.items()}


def _stack(folder: Path, name: str, artifact: Mapping[str, Any], others: Mapping[str, Any]) -> Stack:
    account, _, region = artifact["environment"].removeprefix("aws://").partition("/")
    template = json.loads((folder / artifact["properties"]["templateFile"]).read_text(encoding="utf-8"))
    dependencies = tuple(each for each in artifact.get("dependencies", ()) if each in others)
    protected = bool(artifact["properties"].get("terminationProtection", False))
    return Stack(name, region, account, template, dependencies, protected)
