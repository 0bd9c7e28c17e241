"""What each type is worth on the local AWS, those that ministack ships included."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import CodeType, FunctionType, ModuleType
from typing import Any

from ministack.services.cloudformation import provisioners

from ops.local.types.registry import TYPES, Fidelity


def fidelities() -> dict[str, Fidelity]:
    """Mark of every type that a template may hold."""
    shipped = {name: _shipped(entry) for name, entry in provisioners._RESOURCE_HANDLERS.items()}
    return {**shipped, **{name: each.fidelity for name, each in TYPES.items()}}


def as_json() -> str:
    return json.dumps(fidelities(), indent=0, sort_keys=True)


def _shipped(entry: Any) -> Fidelity:
    """``real`` where the handler reaches the server's model of the service, which its API answers from."""
    create = entry["create"] if isinstance(entry, dict) else entry
    return "real" if _reaches_a_service(create, set()) else "no-op"


def _reaches_a_service(function: Callable[..., Any], seen: set[CodeType]) -> bool:
    if not isinstance(function, FunctionType) or function.__code__ in seen:
        return False
    seen.add(function.__code__)
    # A module that the handler imports itself is among its names, dotted.
    if any(name.startswith("ministack.services.") for name in function.__code__.co_names):
        return True
    named = [function.__globals__.get(name) for name in function.__code__.co_names]
    enclosed = [cell.cell_contents for cell in function.__closure__ or ()]
    if any(_is_service(each) for each in (*named, *enclosed)):
        return True
    return any(
        _reaches_a_service(each, seen) for each in (*named, *enclosed) if isinstance(each, FunctionType)
    )


def _is_service(value: Any) -> bool:
    return isinstance(value, ModuleType) and value.__name__.startswith("ministack.services.")
