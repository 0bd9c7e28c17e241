"""Types of which only the declaration is kept: an id, attributes, and nothing behind them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region

from ops.local.types.registry import Attributes, Fidelity, Properties, Provisioned, ResourceType, replace

# (region, type, physical id) -> properties; what a stack declared, for who asks in this process.
RECORDS: dict[tuple[str, str, str], Properties] = {}


def recorded(
    name: str,
    ref: str,
    attributes: Mapping[str, str] | None = None,
    *,
    create_only: tuple[str, ...] = (),
    does: str = "keeps the declaration",
    cannot_prove: str = "that AWS accepts the properties or acts on them",
    fidelity: Fidelity = "recorded",
) -> ResourceType:
    """A type by its `Ref` and `Fn::GetAtt` patterns.

    Patterns are format strings over the properties (`{Name}`) and `{region}`, `{account}`, `{stack}`,
    `{lid}`, `{hex8}`, `{hex17}` (stable for a stack and logical id) and, in attributes, `{ref}`.
    """

    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        values = _values(properties, stack, logical_id)
        physical_id = ref.format_map(values)
        RECORDS[get_region(), name, physical_id] = properties
        return physical_id, _attributes(attributes or {}, {**values, "ref": physical_id})

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        if any(old.get(key) != new.get(key) for key in create_only):
            return replace(resource, pid, old, new, stack, logical_id)
        return create(logical_id, new, stack)

    def delete(physical_id: str, _properties: Properties) -> None:
        RECORDS.pop((get_region(), name, physical_id), None)

    resource = ResourceType(name, fidelity, does, cannot_prove, create, update, delete)
    return resource


class _Values(dict[str, Any]):
    """Missing properties read as a generated name, as CloudFormation names what a template does not."""

    def __missing__(self, key: str) -> str:
        return f"{self['stack']}-{self['lid']}-{self['hex8']}"


def _values(properties: Properties, stack: str, logical_id: str) -> dict[str, Any]:
    digest = hashlib.sha256(f"{get_region()}:{stack}:{logical_id}".encode()).hexdigest()
    return _Values(
        properties,
        region=get_region(),
        account=get_account_id(),
        stack=stack,
        lid=logical_id,
        hex8=digest[:8],
        hex17=digest[:17],
        uuid=f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}",
    )


def _attributes(patterns: Mapping[str, str], values: dict[str, Any]) -> Attributes:
    return {key: pattern.format_map(values) for key, pattern in patterns.items()}
