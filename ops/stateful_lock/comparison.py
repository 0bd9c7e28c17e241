"""What of a lock a deployment would lose.

CloudFormation removes a resource whose logical id is gone, and replaces one of which a create-only property
changes; the physical name is one of those.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ops.plan.assembly import Stack
from ops.plan.resource_schemas import immutable
from ops.plan.stateful import holds_state
from ops.stateful_lock.document import Acceptance, Entry, Lock
from stacks.environment import PLACEHOLDER_ACCOUNT


class Kind(StrEnum):
    """What would happen to a locked resource, or that one is not locked."""

    REMOVED = "removed"
    REPLACED = "replaced"
    KEPT_NO_LONGER = "kept otherwise"
    NEW = "new"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class Finding:
    """``id`` is ``<stack>/<logical id>``; ``changes`` are clauses that follow the resource's name."""

    id: str
    kind: Kind
    type: str
    name: str
    changes: tuple[str, ...]

    @property
    def mend(self) -> str:
        if self.kind is Kind.NEW:
            return "lock it: richesreach lock add"
        keep = "take it back, for a deployment would lose data" if self.kind in _LOSES else "take it back"
        return f'{keep}; where it is meant: richesreach lock accept {self.id} --why "…"'

    def __str__(self) -> str:
        whole = f"{self.type} {self.name}".rstrip()
        return f"{self.id} ({whole}) {'; '.join(self.changes)}"


_REMOVAL = "would be removed, or is kept no longer"
_LOSES = frozenset({Kind.REMOVED, Kind.REPLACED})


def entries(stacks: Iterable[Stack]) -> dict[str, Entry]:
    """What of an environment holds state, by id; names are those of the placeholder account, whichever
    account the stacks are synthesised for."""
    return {
        f"{stack.name}/{logical_id}": Entry(
            type=whole["Type"],
            deletion=whole.get("DeletionPolicy", "Delete"),
            fixed=_neutral(dict(_fixed(whole["Type"], whole.get("Properties", {}))), stack.account),
        )
        for stack in stacks
        for logical_id, whole in stack.resources.items()
        if holds_state(whole)
    }


def _fixed(kind: str, properties: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for path in sorted(immutable(kind).always):
        value: Any = properties
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            yield ".".join(path), value


def _neutral(fixed: dict[str, Any], account: str) -> dict[str, Any]:
    if not account or account == PLACEHOLDER_ACCOUNT:
        return fixed
    neutral: dict[str, Any] = json.loads(json.dumps(fixed).replace(account, PLACEHOLDER_ACCOUNT))
    return neutral


def findings(locked: Mapping[str, Entry], now: Mapping[str, Entry]) -> list[Finding]:
    """A finding for each resource that a deployment would remove, replace or keep otherwise, or that is not
    locked; sorted, new ones last."""
    found = [finding for name in sorted(locked) for finding in _of_one(name, locked[name], now.get(name))]
    new = [
        Finding(name, Kind.NEW, now[name].type, now[name].name, ("is new and not locked",))
        for name in sorted(now.keys() - locked.keys())
    ]
    return found + new


def _of_one(name: str, before: Entry, after: Entry | None) -> Iterator[Finding]:
    if after is None:
        yield Finding(name, Kind.REMOVED, before.type, before.name, (_REMOVAL,))
        return
    replaced = [] if after.type == before.type else [f"would become {after.type}"]
    for key in sorted({*before.fixed, *after.fixed}):
        old, new = before.fixed.get(key), after.fixed.get(key)
        if old != new:
            replaced.append(f"would be replaced: {key} changes from {_text(old)} to {_text(new)}")
    kept = (
        []
        if after.deletion == before.deletion
        else [f"DeletionPolicy changes from {before.deletion} to {after.deletion}"]
    )
    if replaced or kept:
        kind = Kind.REPLACED if replaced else Kind.KEPT_NO_LONGER
        yield Finding(name, kind, before.type, before.name, (*replaced, *kept))


def unexplained(base: Lock, now: Lock) -> list[Finding]:
    """What a branch changed in the lock without ``richesreach lock accept``: entries that differ otherwise
    than the acceptances that ``base`` lacks say, and acceptances of ``base`` that are gone."""
    fresh = [acceptance for acceptance in now.history if acceptance not in base.history]
    found = [
        Finding(each.id, Kind.UNEXPLAINED, each.type, each.name, ("changed in the lock without a reason",))
        for each in findings(base.resources, now.resources)
        if each.kind is not Kind.NEW and not _explained(each, fresh)
    ]
    lost = [acceptance for acceptance in base.history if acceptance not in now.history]
    return found + [
        Finding(each.id, Kind.UNEXPLAINED, "acceptance", str(each.date), ("is gone from the lock's history",))
        for each in lost
    ]


def _explained(finding: Finding, accepted: Iterable[Acceptance]) -> bool:
    """Whether acceptances say what changed. One after another they say each step: the last of a property ends
    where the lock stands. What was given up whole may come back as anything."""
    said = [change for acceptance in accepted if acceptance.id == finding.id for change in acceptance.change]
    ends = {_subject(change): change.rpartition(" to ")[2] for change in said}
    return _REMOVAL in said or all(
        change in said or ends.get(_subject(change)) == change.rpartition(" to ")[2]
        for change in finding.changes
    )


def _subject(change: str) -> str:
    return change.partition(" changes from ")[0]


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
