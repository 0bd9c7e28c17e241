"""Alerts on what language models cost and whether they answer, evaluated by Prometheus itself."""

from __future__ import annotations

import pytest

from stacks.base import Site
from stacks.manifest import Manifest, load_manifests
from stacks.monitoring.rules import rules
from tests.rules.conftest import Firing

PLACE = 'service="ai-router", region="eu-west-1", environment="prod", task="a"'


@pytest.fixture(scope="session")
def gateway() -> Manifest:
    """Here the rules are those of the service that asks models."""
    (found,) = [manifest for manifest in load_manifests() if manifest.models]
    return found


def alive(minutes: int) -> dict[str, str]:
    return {f"up{{{PLACE}}}": f"1x{minutes}"}


def budget(what: str, values: str) -> dict[str, str]:
    return {f'richesreach_ai_budget_events_total{{{PLACE}, what="{what}"}}': values}


def attempts(ok: str, failed: str) -> dict[str, str]:
    name = f'richesreach_ai_attempts_total{{{PLACE}, provider="openai", outcome='
    return {f'{name}"ok"}}': ok, f'{name}"overloaded"}}': failed}


def test_nothing_is_told_while_models_answer_within_their_budgets(firing: Firing) -> None:
    series = alive(120) | budget("reserved", "0+50x120") | attempts("0+50x120", "0+1x120")
    assert firing(series, "100m") == set()


def test_refusals_for_a_spent_budget_are_told(firing: Firing) -> None:
    assert firing(alive(60) | budget("exhausted", "0+5x60"), "40m") == {"ai-router-ai-budget-exhausted"}


def test_a_handful_of_refusals_is_not(firing: Firing) -> None:
    assert firing(alive(60) | budget("exhausted", "0+0.5x60"), "40m") == set()


@pytest.mark.parametrize("what", ["unavailable", "unasked"])
def test_books_that_cannot_be_asked_are_told(what: str, firing: Firing) -> None:
    assert firing(alive(60) | budget(what, "0+2x60"), "40m") == {"ai-router-ai-budgets-unavailable"}


def test_provider_that_fails_most_requests_is_told(firing: Firing) -> None:
    series = alive(60) | attempts("0+2x60", "0+8x60")
    assert firing(series, "40m") == {"ai-router-ai-provider-failing"}


def test_hour_that_costs_many_times_the_day_before_is_told(firing: Firing) -> None:
    """A day and an hour at 0.01 dollars a minute, then 0.2 dollars a minute."""
    name = f'richesreach_ai_cost_microdollars_total{{{PLACE}, model="gpt-4o"}}'
    cost = {name: "0+10000x1500 15000000+200000x100"}
    assert firing(alive(1700) | cost, "1570m") == {"ai-router-ai-spend-anomaly"}
    assert firing(alive(1700) | cost, "1490m") == set()


def test_lost_records_are_told(firing: Firing) -> None:
    lost = {f'richesreach_ai_records_lost_total{{{PLACE}, where="database"}}': "0+1x60"}
    assert firing(alive(60) | lost, "40m") == {"ai-router-ai-records-lost"}


def test_service_that_asks_no_model_has_none_of_these(site: Site, gateway: Manifest) -> None:
    other = gateway.model_copy(update={"models": False})
    assert "ai-budget-exhausted" in rules(site, [gateway])
    assert "ai-budget-exhausted" not in rules(site, [other])
