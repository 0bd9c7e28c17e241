"""The market's data through the edge: every region publishes ticks of its own, and counts them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.acceptance.client import Edge, eventually

PLACES = {"us-east-1": "New York", "eu-west-1": "Frankfurt", "ap-southeast-1": "Singapore"}
every_place = pytest.mark.parametrize(("region", "place"), PLACES.items())


def document(edge: Edge, path: str, place: str) -> Any:
    answer = edge.get(path, place=place)
    assert answer.status == 200, answer.body
    return answer.document


@every_place
def test_each_region_publishes_what_its_generator_says(region: str, place: str, edge: Edge) -> None:
    found = document(edge, "/market/sources", place)
    assert found["region"] == region
    assert found["publisher"]
    states = {one["name"]: one["state"] for one in found["sources"]}
    assert states.pop("generator") == "live"
    assert set(states.values()) == {"disabled"}


@every_place
def test_nothing_is_lost_between_the_source_and_the_topic(region: str, place: str, edge: Edge) -> None:
    before = document(edge, "/market/loss", place)

    def more() -> Any:
        loss = document(edge, "/market/loss", place)
        stages = {one["stage"]: one for one in loss["stages"]}
        old = {one["stage"]: one for one in before["stages"]}
        return loss if stages["published"]["received"] > old["published"]["received"] else None

    loss = eventually(more, "more ticks are published", 60)
    assert loss["region"] == region
    assert [one["missing"] for one in loss["stages"] if one["stage"] in ("source", "published")] == [0, 0]


def test_prices_move_and_agree_with_their_only_source(edge: Edge) -> None:
    price = document(edge, "/market/prices/AAPL", PLACES["us-east-1"])
    assert (price["source"], price["consensus"]) == ("generator", price["price"])
    seen = {price["time"]}
    ends = time.monotonic() + 30
    while len(seen) < 3:
        assert time.monotonic() < ends, "the price stands still"
        seen.add(document(edge, "/market/prices/AAPL", PLACES["us-east-1"])["time"])


def test_prices_are_near_those_of_the_seeded_database(edge: Edge) -> None:
    seeded = document(edge, "/api/market/candles/AAPL?interval=1h&limit=1", PLACES["us-east-1"])
    live = document(edge, "/market/prices/AAPL", PLACES["us-east-1"])
    assert float(live["price"]) == pytest.approx(float(seeded["items"][0]["close"]), rel=0.05)


def test_interface_describes_itself(edge: Edge) -> None:
    paths = document(edge, "/market/openapi.json", PLACES["us-east-1"])["paths"]
    assert "/market/loss" in paths
