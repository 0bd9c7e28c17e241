"""Types that one API operation creates and one deletes, driven by the shapes of the botocore model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jmespath  # type: ignore[import-untyped]
from botocore.exceptions import ClientError
from ministack.core.responses import get_region

from ops.local.types import api
from ops.local.types.registry import Attributes, Properties, Provisioned, ResourceType, replace
from ops.local.types.shapes import arguments

Arguments = Callable[[str, Properties], dict[str, Any]]
_ATTRIBUTES: dict[tuple[str, str, str], Attributes] = {}


@dataclass(frozen=True)
class ThroughApi:
    """How a type maps to its service's API.

    `ref` and the values of `attributes` are JMESPath expressions over the create call's answer. `adapt`
    changes the template's properties into the call's before they are fitted to its shape.
    `delete_arguments(physical id, properties)` gives the delete call's. With `update` (an operation) and
    `id_argument` a change is applied in place; without, it replaces.
    """

    name: str
    service: str
    create: str
    ref: str
    delete: str
    delete_arguments: Arguments
    attributes: Mapping[str, str] = field(default_factory=dict)
    adapt: Callable[[Properties], Properties] = lambda properties: properties
    update: str = ""
    id_argument: str = ""
    tag_type: str = ""
    does: str = ""
    cannot_prove: str = "quotas and timing of AWS"

    def resource(self) -> ResourceType:
        """The registry entry of this type."""
        does = self.does or f"calls {self.service} {self.create} and {self.delete}"
        return ResourceType(
            self.name, "real", does, self.cannot_prove, self._create, self._update, self._delete
        )

    def _create(self, _logical_id: str, properties: Properties, _stack: str) -> Provisioned:
        adapted = self.adapt(properties)
        if self.tag_type and properties.get("Tags"):
            adapted = {
                **adapted,
                "TagSpecifications": [{"ResourceType": self.tag_type, "Tags": properties["Tags"]}],
            }
        answer = api.call(self.service, self.create, **arguments(self.service, self.create, adapted))
        physical_id = jmespath.search(self.ref, answer)
        if not physical_id:
            raise ValueError(f"{self.name}: {self.create} answered without {self.ref}")
        found = {key: jmespath.search(path, answer) for key, path in self.attributes.items()}
        _ATTRIBUTES[get_region(), self.name, str(physical_id)] = found
        return str(physical_id), found

    def _update(self, pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        changed = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
        if changed <= {"Tags"}:
            return pid, _ATTRIBUTES.get((get_region(), self.name, pid), {})
        if not self.update:
            return replace(self.resource(), pid, old, new, stack, logical_id)
        given = {**self.adapt(new), self.id_argument: pid}
        api.call(self.service, self.update, **arguments(self.service, self.update, given))
        return pid, _ATTRIBUTES.get((get_region(), self.name, pid), {})

    def _delete(self, physical_id: str, properties: Properties) -> None:
        _ATTRIBUTES.pop((get_region(), self.name, physical_id), None)
        delete_quietly(self.service, self.delete, self.delete_arguments(physical_id, properties))


def delete_quietly(service: str, operation: str, given: dict[str, Any]) -> None:
    """Calls a delete; what is gone already is deleted. Other errors fail the stack with their reason."""
    try:
        api.call(service, operation, **given)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if "NotFound" not in code and "NoSuch" not in code and "NonExistent" not in code:
            raise
