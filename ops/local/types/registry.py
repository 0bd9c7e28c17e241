"""The list of extra resource types, and its installation into ministack's CloudFormation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ministack.services.cloudformation import provisioners, stacks

Fidelity = Literal["real", "recorded", "no-op"]
Properties = dict[str, Any]
Attributes = dict[str, Any]
Provisioned = tuple[str, Attributes]
Create = Callable[[str, Properties, str], Provisioned]
Update = Callable[[str, Properties, Properties, str, str], Provisioned]
Delete = Callable[[str, Properties], None]


@dataclass(frozen=True)
class ResourceType:
    """One CloudFormation type: its handlers and what they are worth.

    `create(logical_id, properties, stack)` and `update(physical_id, old, new, stack, logical_id)` return the
    physical id (`Ref`) and every `Fn::GetAtt` attribute; `delete(physical_id, properties)` returns nothing.
    """

    name: str
    fidelity: Fidelity
    does: str
    cannot_prove: str
    create: Create
    update: Update
    delete: Delete


TYPES: dict[str, ResourceType] = {}
_INSTALLED: set[str] = set()


def register(*types: ResourceType) -> None:
    """Adds types to the table; a name given twice is a programming error."""
    for each in types:
        if each.name in TYPES:
            raise ValueError(f"{each.name} is registered twice: keep one of the two")
        TYPES[each.name] = each


def built_in(name: str) -> Mapping[str, Any]:
    """The handler entry that ministack ships for `name`, for a type that adds to it."""
    entry = provisioners._RESOURCE_HANDLERS[name]
    if not isinstance(entry, dict):
        raise TypeError(
            f"ministack's handler for {name} is not a table of functions: is this ministack 1.5.33?"
        )
    return dict(entry)


def call_built_in_update(
    entry: Mapping[str, Any], physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
) -> Provisioned:
    """Calls a shipped update with the arguments it wants; without one the type is created again."""
    update = entry.get("update")
    if update is None:
        return _provisioned(entry["create"](logical_id, new, stack))
    if entry.get("update_with_logical_id"):
        return _provisioned(update(physical_id, old, new, stack, logical_id))
    return _provisioned(update(physical_id, old, new, stack))


def call_built_in_delete(entry: Mapping[str, Any], physical_id: str, properties: Properties) -> None:
    """Calls a shipped delete; none of the wrapped types wants the logical id."""
    entry["delete"](physical_id, properties)


def replace(
    resource: ResourceType, physical_id: str, old: Properties, new: Properties, stack: str, lid: str
) -> Provisioned:
    """Replaces a resource in CloudFormation's order: the new one first; the old one in the stack's cleanup.

    The engine deletes what has another physical id by itself, on a worker thread; only a nested stack has no
    cleanup.
    """
    created = resource.create(lid, new, stack)
    if created[0] != physical_id and provisioners._DEFERRED_PREDECESSOR_DELETES.get() is None:
        provisioners._delete_predecessor(resource.delete, physical_id, old)
    return created


def install() -> None:
    """Puts every type into ministack, off the event loop: its handlers call back into the server."""
    shipped = stacks._runs_on_worker_thread
    for name, resource in TYPES.items():
        provisioners._RESOURCE_HANDLERS[name] = {
            "create": resource.create,
            "update": resource.update,
            "update_with_logical_id": True,
            "delete": resource.delete,
            **{
                k: v
                for k, v in provisioners._RESOURCE_HANDLERS.get(name, {}).items()
                if k in ("snapshot", "import")
            },
        }
        _INSTALLED.add(name)

    def runs_on_worker_thread(resource_type: str) -> bool:
        return resource_type in _INSTALLED or bool(shipped(resource_type))

    stacks._runs_on_worker_thread = runs_on_worker_thread


def table() -> str:
    """The registered types as a Markdown table, sorted by name."""
    lines = ["| type | fidelity | what it does | what it cannot prove |", "|---|---|---|---|"]
    lines += [f"| {t.name} | {t.fidelity} | {t.does} | {t.cannot_prove} |" for _, t in sorted(TYPES.items())]
    return "\n".join(lines)


def _provisioned(value: Any) -> Provisioned:
    physical_id, attributes = value
    return str(physical_id), dict(attributes)
