"""The committed table of quotas: ``quotas.yaml``, a figure with its source a line."""

from __future__ import annotations

import datetime
from functools import cache
from typing import Literal

from pydantic import Field, model_validator

from stacks.yaml_file import ROOT, Frozen, MisfitError, load

TABLE = ROOT / "ops" / "preflight" / "quotas.yaml"

#: Where a quota of the whole account is asked for.
HOME = "us-east-1"


class Source(Frozen):
    """Where a figure was read, and when."""

    title: str
    url: str
    read: datetime.date


class Quota(Frozen):
    """``default`` is what a new account may have; ``service`` and ``code`` are those of Service Quotas."""

    title: str
    default: int
    source: str
    service: str | None = None
    code: str | None = None
    scope: Literal["region", "global"] = "region"


class Weight(Frozen):
    """How many rules one entry counts as."""

    rules: int
    source: str


class Table(Frozen):
    """The whole file."""

    sources: dict[str, Source]
    quotas: dict[str, Quota]
    prefix_lists: dict[str, Weight] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sourced(self) -> Table:
        named = {name: quota.source for name, quota in self.quotas.items()}
        named |= {name: weight.source for name, weight in self.prefix_lists.items()}
        for name, source in named.items():
            if source not in self.sources:
                raise MisfitError(name, f"has no source {source!r}", "add it to sources first")
        return self


@cache
def table() -> Table:
    """Raises ConfigurationError where the file does not fit."""
    return load(TABLE, Table)
