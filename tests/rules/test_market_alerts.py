"""Alerts on the ticks of a region, evaluated by Prometheus itself."""

from __future__ import annotations

import pytest

from stacks.base import Site
from stacks.manifest import Manifest, load_manifests
from stacks.monitoring.rules import rules
from tests.rules.conftest import Firing

PLACE = 'service="market-data", region="eu-west-1", environment="prod", task='


@pytest.fixture(scope="session")
def gateway() -> Manifest:
    """Here the rules are those of the service that publishes ticks."""
    (found,) = [manifest for manifest in load_manifests() if manifest.market]
    return found


def alive(minutes: int) -> dict[str, str]:
    return {f'up{{{PLACE}"a"}}': f"1x{minutes}", f'up{{{PLACE}"b"}}': f"1x{minutes}"}


def publishing(of_a: str, of_b: str) -> dict[str, str]:
    name = "richesreach_market_publishing"
    return {f'{name}{{{PLACE}"a"}}': of_a, f'{name}{{{PLACE}"b"}}': of_b}


def missing(values: str) -> dict[str, str]:
    return {f'richesreach_market_ticks_lost{{{PLACE}"a", stage="operator", source="massive"}}': values}


def test_nothing_is_told_while_one_task_publishes(firing: Firing) -> None:
    series = alive(60) | publishing("1x30 0x30", "0x30 1x30") | missing("3x60")
    live = {f'richesreach_market_source_live{{{PLACE}"a", source="massive"}}': "1x60"}
    assert firing(series | live, "50m") == set()


def test_a_region_in_which_nobody_publishes_is_told(firing: Firing) -> None:
    assert firing(alive(30) | publishing("0x30", "0x30"), "20m") == {"market-data-market-unpublished"}


def test_a_source_that_is_not_live_is_told(firing: Firing) -> None:
    live = {f'richesreach_market_source_live{{{PLACE}"a", source="massive"}}': "0x60"}
    series = alive(60) | publishing("1x60", "0x60") | live
    assert firing(series, "40m") == {"market-data-market-source-down"}
    assert firing(series, "10m") == set()


def test_ticks_that_are_missing_are_told_and_those_of_long_ago_are_not(firing: Firing) -> None:
    series = alive(90) | publishing("1x90", "0x90") | missing("0x20 5+1x10 15x60")
    assert firing(series, "28m") == {"market-data-market-ticks-missing"}
    assert firing(series, "70m") == set()


def test_a_stage_that_is_far_behind_is_told(firing: Firing) -> None:
    behind = {f'richesreach_market_ticks_behind{{{PLACE}"a", stage="lake", source="massive"}}': "20000x60"}
    series = alive(60) | publishing("1x60", "0x60") | behind
    assert firing(series, "40m") == {"market-data-market-stage-behind"}


def test_what_nobody_heard_is_told_and_no_more_an_hour_later(firing: Firing) -> None:
    unknown = {f'richesreach_market_unknown_seconds{{{PLACE}"a", source="finnhub"}}': "0x20 12x59 0x60"}
    series = alive(140) | publishing("1x140", "0x140") | unknown
    assert firing(series, "30m") == {"market-data-market-ticks-unknown"}
    assert firing(series, "15m") == firing(series, "100m") == set()


def test_who_publishes_next_tells_of_the_same_gap(firing: Firing) -> None:
    """The series moves to another task, and the alert stays: the gap is told of in the cache."""
    name, source = "richesreach_market_unknown_seconds", 'source="finnhub"'
    unknown = {
        f'{name}{{{PLACE}"a", {source}}}': "0x10 12x10 _x30",
        f'{name}{{{PLACE}"b", {source}}}': "_x21 12x30",
    }
    series = alive(60) | publishing("1x20 0x40", "0x20 1x40") | unknown
    assert firing(series, "25m") == firing(series, "18m") == {"market-data-market-ticks-unknown"}


def test_a_service_that_publishes_no_ticks_has_none_of_these(site: Site, gateway: Manifest) -> None:
    other = gateway.model_copy(update={"market": False})
    assert "market-unpublished" in rules(site, [gateway])
    assert "market-unpublished" not in rules(site, [other])
