"""The lock of what holds data: which stateful resources an environment has, and what would replace them.

CloudFormation removes a resource whose logical id is gone, and replaces one of which a create-only property
changes; the physical name is one of those. ``make stateful-lock`` writes ``stateful/*.json`` anew.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ops.plan.resource_schemas import immutable
from ops.plan.stateful import holds_state
from stacks.environment import PLACEHOLDER_ACCOUNT, Environment, load_environment
from stacks.manifest import Manifest, load_manifests
from tests.stacks.assembly import Assembly, Json

FOLDER = Path(__file__).with_name("stateful")
ENVIRONMENTS = ("prod", "staging")
MEND = "a deployment would lose data; where it is meant, run `make stateful-lock` and say why in the commit"

Lock = dict[str, dict[str, Json]]


def lock_of(assembly: Assembly) -> Lock:
    """``<stack>/<logical id>`` → type, deletion policy and the create-only properties that it has."""
    return {
        f"{stack}/{logical_id}": {
            "type": whole["Type"],
            "deletion": _deletion(whole),
            "fixed": dict(_fixed(whole["Type"], whole.get("Properties", {}))),
        }
        for stack, template in sorted(assembly.templates.items())
        for logical_id, whole in sorted(template.get("Resources", {}).items())
        if holds_state(whole)
    }


def _deletion(whole: Json) -> str:
    return str(whole.get("DeletionPolicy", "Delete"))


def _fixed(kind: str, properties: Json) -> Iterator[tuple[str, Json]]:
    for path in sorted(immutable(kind).always):
        value: Any = properties
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            yield ".".join(path), value


def differences(locked: Lock, now: Lock) -> list[str]:
    """A line for each resource that a deployment would remove, replace or no longer keep, or that is new."""
    found = []
    for name, before in locked.items():
        after = now.get(name)
        said = f"{name} ({before['type']}{_name(before)})"
        if after is None:
            found.append(f"{said} would be removed, or is kept no longer")
            continue
        if after["type"] != before["type"]:
            found.append(f"{said} would become {after['type']}")
        if after["deletion"] != before["deletion"]:
            found.append(f"{said} DeletionPolicy changes from {before['deletion']} to {after['deletion']}")
        for key in sorted({*before["fixed"], *after["fixed"]}):
            old, new = before["fixed"].get(key), after["fixed"].get(key)
            if old != new:
                found.append(f"{said} would be replaced: {key} changes from {_text(old)} to {_text(new)}")
    found += [f"{name} ({now[name]['type']}{_name(now[name])}) is new" for name in now if name not in locked]
    return found


def _name(entry: dict[str, Json]) -> str:
    """The physical name, where the template gives one."""
    names = (value for key, value in entry["fixed"].items() if key.endswith(("Name", "Identifier", "Id")))
    name = next((value for value in names if isinstance(value, str)), None)
    return f" {name}" if name else ""


def _text(value: Json) -> str:
    return json.dumps(value, sort_keys=True)


def read(environment: str) -> Lock:
    """The committed lock."""
    locked: Lock = json.loads((FOLDER / f"{environment}.json").read_text(encoding="utf-8"))
    return locked


def write(environment: str, lock: Lock) -> None:
    """A line a resource, so that a diff shows which one changes."""
    lines = [f"{_text(name)}: {_text(lock[name])}" for name in sorted(lock)]
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{environment}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def synthesised(
    environment: Environment, folder: Path, manifests: Sequence[Manifest] | None = None
) -> Assembly:
    """The environment with the committed services; the policy packs are the subject of other tests."""
    os.environ.setdefault("JSII_NODE", str(Path(sys.executable).parent / "node"))
    from stacks.platform import build  # noqa: PLC0415  (starts Node)

    unruled = environment.model_copy(update={"cdk_nag": False})
    build(unruled, PLACEHOLDER_ACCOUNT, manifests or load_manifests(), outdir=str(folder)).synth()
    return Assembly(folder, environment.name)


def main() -> None:
    """Writes the lock of every environment that has one, and says what changes."""
    for name in ENVIRONMENTS:
        with tempfile.TemporaryDirectory() as folder:
            now = lock_of(synthesised(load_environment(name), Path(folder)))
        before = read(name) if (FOLDER / f"{name}.json").exists() else {}
        sys.stdout.write("".join(f"{line}\n" for line in differences(before, now)))
        write(name, now)


if __name__ == "__main__":
    main()
