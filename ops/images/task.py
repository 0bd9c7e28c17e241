"""How ECS runs an image: the containers of the task definitions that the app synthesises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.errors import OperationError
from ops.images.places import IMAGES
from ops.local.paths import ROOT

#: Deploys to one region, and otherwise as prod does: TLS, users, a read-only root.
ENVIRONMENT = "dev"

#: What stands for a value that only a deployment knows. Names below `.invalid` never resolve (RFC 2606).
UNKNOWN = "not-deployed.invalid"
#: The same for variables whose form a service checks when it starts.
FORMED = {"USER_POOL_ID": "us-east-1_NotDeployed"}
SECRET = "not-a-secret"  # noqa: S105
#: What a manifest's own secrets hold when they are made, before people fill them in.
OWN, UNFILLED = "SECRET_", "{}"

#: Seconds.
SYNTHESIS = 600


@dataclass(frozen=True)
class Container:
    """One container of a task definition. Memory in MiB, ``stop_timeout`` in seconds, ``cpu`` in vCPUs."""

    family: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    port: int
    cpu: float
    memory: int
    stop_timeout: int
    read_only: bool
    init: bool
    dropped: tuple[str, ...]
    open_files: int
    mounts: tuple[str, ...]


def containers(services: Collection[str], folder: Path = IMAGES / "cdk.out") -> dict[str, list[Container]]:
    """By service: its own container, then those of its tasks.

    Raises:
        OperationError: the app does not synthesise.
    """
    command = [sys.executable, str(ROOT / "app.py")]
    environment = {"RICHESREACH_ENV": ENVIRONMENT, "CDK_OUTDIR": str(folder), "CDK_VALIDATION": "false"}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SYNTHESIS,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it wrote nothing"]
        raise OperationError(f"the app does not synthesise: {lines[-1]}")
    (template,) = folder.glob(f"richesreach-{ENVIRONMENT}-*-ecs.template.json")
    found: dict[str, list[Container]] = {}
    for service, container in read(json.loads(template.read_text()), services):
        found.setdefault(service, []).append(container)
    return {name: sorted(each, key=lambda container: container.family) for name, each in found.items()}


def read(template: Mapping[str, Any], services: Collection[str]) -> Iterator[tuple[str, Container]]:
    """Service and container of every task definition; what runs beside a service is of another image."""
    for resource in template["Resources"].values():
        if resource["Type"] != "AWS::ECS::TaskDefinition":
            continue
        task = resource["Properties"]
        for each in task["ContainerDefinitions"]:
            if each["Name"] not in services:
                continue
            linux = each.get("LinuxParameters", {})
            values = {entry["Name"]: _value(entry) for entry in each.get("Environment", ())}
            secrets = {
                name: UNFILLED if name.startswith(OWN) else SECRET
                for name in (entry["Name"] for entry in each.get("Secrets", ()))
            }
            yield (
                each["Name"],
                Container(
                    family=task["Family"],
                    command=tuple(each["Command"]),
                    environment=values | secrets,
                    port=each["PortMappings"][0]["ContainerPort"],
                    cpu=int(task["Cpu"]) / 1024,
                    memory=int(task["Memory"]),
                    stop_timeout=each["StopTimeout"],
                    read_only=each.get("ReadonlyRootFilesystem", False),
                    init=linux.get("InitProcessEnabled", False),
                    dropped=tuple(linux.get("Capabilities", {}).get("Drop", ())),
                    open_files=_open_files(each),
                    mounts=tuple(mount["ContainerPath"] for mount in each.get("MountPoints", ())),
                ),
            )


def _open_files(definition: Mapping[str, Any]) -> int:
    limits = {limit["Name"]: limit["SoftLimit"] for limit in definition.get("Ulimits", ())}
    return int(limits.get("nofile", 1024))


def _value(entry: Mapping[str, Any]) -> str:
    found = resolve(entry["Value"])
    return FORMED.get(entry["Name"], found) if found == UNKNOWN else found


def resolve(value: Any) -> str:
    """A value of a template as text; what only CloudFormation knows becomes a name that never resolves."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and list(value) == ["Fn::Join"]:
        separator, parts = value["Fn::Join"]
        return str(separator).join(resolve(part) for part in parts)
    return UNKNOWN
