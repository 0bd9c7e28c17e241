"""What CloudFormation says of a type: which properties it can set only when it makes the resource.

The schemas are CloudFormation's own, as the installed cfn-lint carries them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

_REGION = "us-east-1"
_START = "/properties/"


@dataclass(frozen=True)
class Immutable:
    """Paths of properties whose change replaces the resource, always or only sometimes. A path is the keys
    from the top, with ``*`` for each element of a list."""

    always: frozenset[tuple[str, ...]]
    sometimes: frozenset[tuple[str, ...]]


#: A custom resource is made anew when its provider answers with another id; its handlers here never do
#: for a change of properties. Its token names the function that answers.
_CUSTOM = Immutable(frozenset({("ServiceToken",)}), frozenset())


@cache
def immutable(kind: str) -> Immutable:
    """What replaces a resource of this type; a type without a schema is taken to be replaceable at will."""
    if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
        return _CUSTOM
    try:
        schema: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, kind).schema
    except ResourceNotFoundError:
        return Immutable(frozenset(), frozenset({("*",)}))
    return Immutable(
        _paths(schema.get("createOnlyProperties", ())),
        _paths(schema.get("conditionalCreateOnlyProperties", ())),
    )


def _paths(pointers: Iterable[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(pointer.removeprefix(_START).split("/")) for pointer in pointers)


def matches(path: tuple[str, ...], immutable_path: tuple[str, ...]) -> bool:
    """Whether a change at ``path`` is one of the immutable property: there, inside it or around it."""
    return all(own in (other, "*") or other == "*" for own, other in zip(path, immutable_path, strict=False))
