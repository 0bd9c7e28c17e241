"""Alerts on what is kept of the stream, evaluated by Prometheus itself."""

from __future__ import annotations

import pytest

from stacks.base import Site
from stacks.manifest import Manifest, load_manifests
from stacks.monitoring.history_alerts import TICKS
from stacks.monitoring.rules import rules
from tests.rules.conftest import Firing

PLACE = 'service="history", region="eu-west-1", environment="prod", task="a"'
ALIVE = {f"up{{{PLACE}}}": "1x120"}


@pytest.fixture(scope="session")
def gateway() -> Manifest:
    """Here the rules are those of the service that keeps ticks."""
    (found,) = [manifest for manifest in load_manifests() if TICKS in manifest.lake_prefixes]
    return found


def files(values: str) -> dict[str, str]:
    return {f'richesreach_history_files_total{{{PLACE}, dataset="market_ticks"}}': values}


def gone(values: str) -> dict[str, str]:
    return {f'richesreach_history_gone_messages_total{{{PLACE}, dataset="bars"}}': values}


def test_nothing_is_told_while_files_come_and_nothing_is_gone(firing: Firing) -> None:
    assert firing(ALIVE | files("0+4x120") | gone("5x120"), "100m") == set()


def test_files_of_heartbeats_alone_are_enough(firing: Firing) -> None:
    often = " ".join(f"{number}x9" for number in range(12))
    assert firing(ALIVE | files(often), "100m") == set()


def test_a_writer_that_stands_still_is_told(firing: Firing) -> None:
    assert firing(ALIVE | files("0+4x30 120x90"), "80m") == {"history-history-stalled"}


def test_messages_that_are_gone_are_told_for_an_hour(firing: Firing) -> None:
    series = ALIVE | files("0+4x240") | gone("0x30 700x210")
    assert firing(series, "40m") == {"history-history-messages-gone"}
    assert firing(series, "100m") == set()


def test_a_service_that_keeps_no_ticks_has_none_of_these(site: Site, gateway: Manifest) -> None:
    other = gateway.model_copy(update={"needs": ["stream"]})
    assert "history-stalled" in rules(site, [gateway])
    assert "history-stalled" not in rules(site, [other])
