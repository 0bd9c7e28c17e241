"""CloudFormation properties into API arguments, by the shapes of the botocore model.

Both come from the same AWS model and differ in small things: templates carry numbers and booleans as strings,
policy documents as objects, and properties that the API does not know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import botocore.session


@lru_cache(maxsize=128)
def service_model(service: str) -> Any:
    """The botocore model of a service."""
    return botocore.session.Session().get_service_model(service)


def arguments(service: str, operation: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that the operation's input knows, with the types it wants; the others are left out."""
    shape = service_model(service).operation_model(operation).input_shape
    fitted = fit(shape, properties)
    return dict(fitted) if shape is not None else {}


def fit(shape: Any, value: Any) -> Any:
    """`value` as the type that `shape` names. Raises ValueError for text where a number is wanted."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, Mapping):
        members = {name.lower(): (name, member) for name, member in shape.members.items()}
        found = ((members.get(str(key).lower()), item) for key, item in value.items() if item is not None)
        return {match[0]: fit(match[1], item) for match, item in found if match is not None}
    if kind == "map" and isinstance(value, list):
        # Tags: a list of keys and values in nearly every template, a map in some APIs.
        value = {tag["Key"]: tag.get("Value", "") for tag in value}
    if (
        kind == "list"
        and isinstance(value, Mapping)
        and set(getattr(shape.member, "members", ())) == {"Key", "Value"}
    ):
        value = [{"Key": key, "Value": item} for key, item in value.items()]
    if kind == "list" and isinstance(value, list | tuple):
        return [fit(shape.member, item) for item in value]
    if kind == "map" and isinstance(value, Mapping):
        return {str(key): fit(shape.value, item) for key, item in value.items()}
    return _scalar(kind, value)


def _scalar(kind: str, value: Any) -> Any:
    if kind == "boolean":
        return str(value).lower() == "true"
    if kind in ("integer", "long"):
        return int(float(value)) if isinstance(value, str) else int(value)
    if kind in ("float", "double"):
        return float(value)
    if kind == "string":
        if isinstance(value, dict | list):
            return json.dumps(value)
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value
