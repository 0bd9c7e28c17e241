"""What differs between two templates, resource by resource, and what CloudFormation would do about it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ops.plan.assembly import Stack, area_of
from ops.plan.resource_schemas import immutable, matches
from ops.plan.stateful import BENEATH, KEEPING, holds_state

_ABSENT = object()
_POLICIES = ("DeletionPolicy", "UpdateReplacePolicy")


class Effect(StrEnum):
    """What happens to the resource. The order is from the gravest to the lightest."""

    REPLACED = "replaced"
    REMOVED = "removed"
    MAY_BE_REPLACED = "may be replaced"
    UPDATED = "updated"
    ADDED = "added"


@dataclass(frozen=True)
class PropertyChange:
    """A property's path (``Tags.0.Value``) with its value before and after, as JSON; None where absent."""

    path: tuple[str, ...]
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}: {self.before or 'absent'} → {self.after or 'absent'}"


@dataclass(frozen=True)
class Change:
    """What happens to one resource. ``stateful`` says that it holds data; ``kept`` that CloudFormation leaves
    what it would delete, or a snapshot of it, behind."""

    stack: str
    region: str
    logical_id: str
    kind: str
    construct: str
    effect: Effect
    stateful: bool
    properties: tuple[PropertyChange, ...] = ()
    kept: bool = False
    because: str = ""

    @property
    def area(self) -> str:
        return area_of(self.stack, self.region)

    @property
    def needs_yes(self) -> bool:
        """A stateful resource, or the network under it, is lost or made anew."""
        return self.grave and (self.stateful or self.kind in BENEATH)

    @property
    def grave(self) -> bool:
        return self.effect in (Effect.REPLACED, Effect.REMOVED, Effect.MAY_BE_REPLACED)

    @property
    def touches_state(self) -> bool:
        """A stateful resource that exists changes at all, or what state stands in is lost or made anew."""
        return self.needs_yes or (self.stateful and self.effect is not Effect.ADDED)


def between(before: Stack | None, after: Stack | None) -> list[Change]:
    """Changes of one stack; either side is None where the stack does not exist there."""
    present = after or before
    if present is None:
        return []
    old = before.resources if before else {}
    new = after.resources if after else {}
    found = []
    for logical_id in sorted(old.keys() | new.keys()):
        change = _change(present, logical_id, old.get(logical_id), new.get(logical_id))
        if change:
            found.append(change)
    return _cascade(present, found, new)


def _change(
    stack: Stack, logical_id: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> Change | None:
    shown = after or before or {}
    effect = Effect.ADDED
    properties: tuple[PropertyChange, ...] = ()
    if after is None:
        effect = Effect.REMOVED
    elif before is not None:
        properties = tuple(_properties(before.get("Properties", {}), after.get("Properties", {})))
        effect = _effect(before["Type"], after["Type"], properties)
        properties += tuple(
            change for name in _POLICIES for change in _properties(before.get(name), after.get(name), (name,))
        )
        if not properties and effect is not Effect.REPLACED:
            return None
    return Change(
        stack=stack.name,
        region=stack.region,
        logical_id=logical_id,
        kind=shown["Type"],
        construct=_construct(stack.name, shown) or logical_id,
        effect=effect,
        stateful=holds_state(before or shown),
        properties=properties,
        kept=_kept(effect, before),
    )


def _kept(effect: Effect, before: Mapping[str, Any] | None) -> bool:
    """CloudFormation goes by the policy that was deployed last."""
    if before is None:
        return False
    policy = "DeletionPolicy" if effect is Effect.REMOVED else "UpdateReplacePolicy"
    return before.get(policy) in KEEPING


def _construct(stack: str, resource: Mapping[str, Any]) -> str:
    path = str(resource.get("Metadata", {}).get("aws:cdk:path", ""))
    return path.removeprefix(f"{stack}/").removesuffix("/Resource")


def _effect(before: str, kind: str, properties: tuple[PropertyChange, ...]) -> Effect:
    if before != kind:
        return Effect.REPLACED
    rules = immutable(kind)
    if any(matches(change.path, rule) for change in properties for rule in rules.always):
        return Effect.REPLACED
    if any(matches(change.path, rule) for change in properties for rule in rules.sometimes):
        return Effect.MAY_BE_REPLACED
    return Effect.UPDATED


def _properties(before: Any, after: Any, path: tuple[str, ...] = ()) -> Iterator[PropertyChange]:
    """The deepest places that differ. Lists of different lengths differ as a whole."""
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping) and not _is_intrinsic(before, after):
        for key in sorted(before.keys() | after.keys()):
            yield from _properties(before.get(key, _ABSENT), after.get(key, _ABSENT), (*path, key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _properties(old, new, (*path, str(index)))
    else:
        yield PropertyChange(path, _text(before), _text(after))


def _is_intrinsic(*values: Mapping[str, Any]) -> bool:
    return any(
        len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref", "Condition")) for value in values
    )


def _text(value: Any) -> str | None:
    if value is _ABSENT:
        return None
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _cascade(stack: Stack, changes: list[Change], resources: Mapping[str, Mapping[str, Any]]) -> list[Change]:
    """A replaced resource has a new id; what names it where it cannot change is replaced as well."""
    by_id = {change.logical_id: change for change in changes}
    waiting = [change.logical_id for change in changes if change.effect is Effect.REPLACED]
    while waiting:
        replaced = waiting.pop()
        for logical_id, resource in resources.items():
            known = by_id.get(logical_id)
            if logical_id == replaced or (known and known.effect in (Effect.REPLACED, Effect.ADDED)):
                continue
            rules = immutable(resource["Type"]).always
            paths = list(_references(resource.get("Properties", {}), replaced))
            if not any(matches(path, rule) for path in paths for rule in rules):
                continue
            by_id[logical_id] = Change(
                stack=stack.name,
                region=stack.region,
                logical_id=logical_id,
                kind=resource["Type"],
                construct=_construct(stack.name, resource) or logical_id,
                effect=Effect.REPLACED,
                stateful=holds_state(resource),
                properties=known.properties if known else (),
                kept=resource.get("UpdateReplacePolicy") in KEEPING,
                because=f"it names {replaced}, which is replaced",
            )
            waiting.append(logical_id)
    return sorted(by_id.values(), key=lambda change: change.logical_id)


def _references(value: Any, logical_id: str, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, Mapping):
        attribute = value.get("Fn::GetAtt")
        named = attribute[0] if isinstance(attribute, list) and attribute else None
        if value.get("Ref") == logical_id or named == logical_id:
            yield path
            return
        for key, inner in value.items():
            yield from _references(inner, logical_id, path if key.startswith("Fn::") else (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _references(inner, logical_id, (*path, str(index)))
