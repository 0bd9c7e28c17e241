"""The committed price table: every figure has a source, every rule names an item that the table knows."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest

from ops.plan.linked import LINKED
from ops.plan.prices import price, source, table, unit
from stacks.environment import load_environment

ITEMS = table()["items"]
FIGURES = [(item, place, figure) for item, entry in ITEMS.items() for place, figure in entry["usd"].items()]
PLACES = {"global", *load_environment("prod").regions}


@pytest.mark.parametrize("key", table()["sources"])
def test_a_source_has_title_address_and_the_day_it_was_read(key: str) -> None:
    found = source(key)
    assert found.title
    assert re.fullmatch(r"https://\S+", found.url)
    assert isinstance(found.read, date)
    assert found.dated is None or found.dated <= found.read


@pytest.mark.parametrize(("item", "place", "figure"), FIGURES)
def test_a_figure_is_a_positive_decimal_with_a_source(item: str, place: str, figure: dict[str, str]) -> None:
    assert figure.keys() == {"price", "source"}
    assert isinstance(figure["price"], str), f"{item}: a number without quotes is a float"
    assert Decimal(figure["price"]) > 0
    assert figure["source"] in table()["sources"]
    assert place in PLACES


def test_every_source_is_used() -> None:
    assert {figure["source"] for _, _, figure in FIGURES} == table()["sources"].keys()


@pytest.mark.parametrize("item", ITEMS)
def test_an_item_says_its_unit(item: str) -> None:
    assert ITEMS[item]["unit"] == unit(item)


@pytest.mark.parametrize("kind", table()["resources"])
def test_a_rule_names_an_item_of_the_table(kind: str) -> None:
    for rule in table()["resources"][kind]:
        assert rule["item"] in ITEMS
        assert rule.keys() <= {"item", "hourly", "times", "when"}


def test_a_type_is_counted_in_one_way_only() -> None:
    idle, ruled = table()["idle"], table()["resources"]
    assert idle == sorted(set(idle))
    assert len({*idle, *ruled, *LINKED}) == len(idle) + len(ruled) + len(LINKED)


def test_a_region_without_a_figure_has_no_price() -> None:
    assert price("nat-gateway-hours", "sa-east-1") is None


def test_an_item_that_the_table_does_not_know_has_no_price() -> None:
    assert price("AWS::Redshift::Cluster", "us-east-1") is None
    assert unit("AWS::Redshift::Cluster") == "resources"


def test_a_global_figure_holds_in_a_region_that_has_none_of_its_own() -> None:
    key = price("keys", "sa-east-1")
    assert key is not None
    assert key.usd == 1
    address = price("public-ipv4-hours", "eu-west-1")
    assert address is not None
    assert address.source == source("ireland-price-list")
