"""Branches of prod that a reviewer meets: a dangerous one, and one that changes a tag."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ops.plan.assembly import Stack
from ops.plan.synthesis import synthesise
from stacks.environment import PLACEHOLDER_ACCOUNT
from tests.stacks.assembly import clone

#: An office's network: the whole internet is refused before there is anything to plan.
OFFICE = "198.51.100.0/24"

Changes = Mapping[str, Mapping[str, str]]

#: Shrinks the database, renames the lake and opens a security group; texts by file.
DANGEROUS: Changes = {
    "environments/prod.yaml": {
        "  instances: 2": "  instances: 1",
        "  max_capacity: 32": "  max_capacity: 16",
        "allowed_cidrs: []": f"allowed_cidrs: [{OFFICE}]",
    },
    "stacks/naming.py": {"{self.prefix}-lake-{account}": "{self.prefix}-pond-{account}"},
}
TAGGED: Changes = {"environments/prod.yaml": {"cost-centre: platform": "cost-centre: research"}}


def branch(folder: Path, changes: Changes) -> dict[str, Stack]:
    """Stacks of prod in a copy of the repository that the changes were made in."""
    tree = clone(folder / "platform")
    for name, texts in changes.items():
        text = (tree / name).read_text(encoding="utf-8")
        for old, new in texts.items():
            if text.count(old) != 1:
                raise ValueError(f"{old!r} is in {name} {text.count(old)} times; correct the branch")
            text = text.replace(old, new)
        (tree / name).write_text(text, encoding="utf-8")
    return synthesise("prod", PLACEHOLDER_ACCOUNT, tree, policy=False)
