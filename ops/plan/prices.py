"""The committed price table: what AWS lists for one unit of an item, each figure with its source and date.

``prices.yaml`` has four parts: ``sources`` (title, URL, the source's own date where it has one, the day it
was read), ``items`` (unit, and per region a figure with its source; ``global`` where AWS asks the same
everywhere), ``resources`` (which items a CloudFormation type is billed by) and ``idle`` (types that cost
nothing by being there: AWS bills what passes through them, or nothing). A figure without a source is not in
the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import yaml

from stacks.yaml_file import ROOT

PRICES = ROOT / "ops" / "plan" / "prices.yaml"
#: The place of a figure that holds in every region.
GLOBAL = "global"


@dataclass(frozen=True)
class Source:
    """Where figures were read; ``dated`` is the source's own date."""

    title: str
    url: str
    read: date
    dated: date | None = None

    def __str__(self) -> str:
        own = f", of {self.dated}" if self.dated else ""
        return f"{self.title}{own}, read {self.read}: {self.url}"


@dataclass(frozen=True)
class Price:
    """USD for one unit."""

    usd: Decimal
    source: Source


@cache
def table() -> Mapping[str, Any]:
    return dict(yaml.safe_load(PRICES.read_text(encoding="utf-8")))


def price(item: str, region: str) -> Price | None:
    """The price of one unit in a region; None where no source gives one."""
    figures = table()["items"].get(item, {}).get("usd", {})
    figure = figures.get(region, figures.get(GLOBAL))
    if figure is None:
        return None
    return Price(Decimal(figure["price"]), source(figure["source"]))


def unit(item: str) -> str:
    """What one of an item is; an item that the table does not know is a resource."""
    return str(table()["items"].get(item, {}).get("unit", "resources"))


def source(key: str) -> Source:
    return Source(**table()["sources"][key])
