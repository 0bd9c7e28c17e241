"""The files of the lock: ``stateful.lock/<environment>.yaml``, a block for each resource and acceptance."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from ops.errors import OperationError
from stacks.yaml_file import ROOT, Frozen, load

FOLDER = ROOT / "stateful.lock"

_HEAD = """\
# What of {environment} holds state: a change that removes or replaces any fails `richesreach lock check`.
# Written by `richesreach lock add` and `richesreach lock accept`; docs/delivery.md tells how it is read.
"""


class Entry(Frozen):
    """A locked resource; ``fixed`` holds the create-only properties that it has, by their dotted path."""

    type: str
    deletion: str = Field(description="its DeletionPolicy; Delete where the template gives none")
    fixed: dict[str, Any] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        """The physical name, empty where the template gives none."""
        keys = sorted(self.fixed, key=lambda key: (key != "Name", key))
        named = (self.fixed[key] for key in keys if key.endswith(("Name", "Identifier", "Id")))
        return next((value for value in named if isinstance(value, str)), "")


class Acceptance(Frozen):
    """One deliberate change of what is locked."""

    id: str
    change: list[str]
    why: str
    date: datetime.date
    by: str


class Lock(Frozen):
    """What one file holds. ``history`` is in the order in which changes were accepted."""

    resources: dict[str, Entry]
    history: list[Acceptance] = Field(default_factory=list)


def path_of(environment: str) -> Path:
    return FOLDER / f"{environment}.yaml"


def locked_environments() -> list[str]:
    """Names of the environments that have a lock."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read(environment: str) -> Lock:
    """The committed lock; one without resources where the environment has none yet.

    Raises:
        ConfigurationError: the file is no lock.
    """
    path = path_of(environment)
    return load(path, Lock) if path.exists() else Lock(resources={})


def write(environment: str, lock: Lock) -> None:
    """Sorted, and each property on a line of its own, so that a diff shows what changes of which resource.

    Raises:
        OperationError: the file cannot be written.
    """
    try:
        FOLDER.mkdir(exist_ok=True)
        path_of(environment).write_text(text(environment, lock), encoding="utf-8")
    except OSError as error:
        raise OperationError(f"the lock cannot be written: {error}") from None


def text(environment: str, lock: Lock) -> str:
    """The file of a lock."""
    resources = {
        name: {key: value for key, value in entry.model_dump().items() if value != {}}
        for name, entry in sorted(lock.resources.items())
    }
    history = [acceptance.model_dump() for acceptance in lock.history]
    return _HEAD.format(environment=environment) + _yaml({"resources": resources, "history": history})


def _yaml(value: Mapping[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, width=110, allow_unicode=True)
