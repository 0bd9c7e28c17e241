"""Which stacks differ from what is deployed, and fingerprints by which a plan is known to be stale."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ops.errors import UsageError
from ops.plan.assembly import Stack, Template


@dataclass(frozen=True)
class Fingerprint:
    """Of every template, by stack: as synthesised, and as deployed."""

    synthesised: Mapping[str, str]
    deployed: Mapping[str, str]

    def document(self) -> dict[str, Any]:
        return asdict(self)

    def moved(self, now: Fingerprint) -> list[str]:
        """What is not as it was, in words, sorted by stack."""
        return [
            *_moved("in the working tree", self.synthesised, now.synthesised),
            *_moved("as deployed", self.deployed, now.deployed),
        ]


def fingerprint(before: Mapping[str, Stack], after: Mapping[str, Stack]) -> Fingerprint:
    return Fingerprint(_digests(after.values()), _digests(before.values()))


def read(document: Mapping[str, Any], name: str) -> Fingerprint:
    """From a plan's JSON.

    Raises:
        UsageError: the plan has none: it was made against a git revision, or is no plan.
    """
    found = document.get("fingerprint")
    if not isinstance(found, Mapping) or not {"synthesised", "deployed"} <= found.keys():
        raise UsageError(
            f"{name} says nothing of what is deployed; write one with"
            f" `richesreach plan --format json --output {name}`, without --base"
        )
    return Fingerprint(dict(found["synthesised"]), dict(found["deployed"]))


def changed(before: Mapping[str, Stack], after: Mapping[str, Stack]) -> list[str]:
    """Stacks to be deployed, in the order of the assembly: new ones, and those whose template differs."""
    return [
        name
        for name, stack in after.items()
        if name not in before or digest(before[name].template) != digest(stack.template)
    ]


def digest(template: Template) -> str:
    """Of everything that CloudFormation would act on. Resources' metadata counts for nothing: the CDK keeps
    paths there, and a refresh its stamp."""
    plain = {
        **template,
        "Resources": {key: _plain(each) for key, each in template.get("Resources", {}).items()},
    }
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def whole(stacks: Collection[Stack]) -> str:
    """One fingerprint of an assembly."""
    return hashlib.sha256(json.dumps(_digests(stacks), sort_keys=True).encode()).hexdigest()[:16]


def _plain(resource: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key != "Metadata"}


def _digests(stacks: Iterable[Stack]) -> dict[str, str]:
    return {stack.name: digest(stack.template) for stack in sorted(stacks, key=lambda each: each.name)}


def _moved(where: str, before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) == now.get(name):
            continue
        how = "is new" if name not in before else "is gone" if name not in now else "changed"
        yield f"{name} {how} {where}"
