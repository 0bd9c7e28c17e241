"""The arithmetic of burn rates: what a rule promises is what it does to a series of requests."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.monitoring.burn_rate import BUDGET_MINUTES, FAST, SLOW, BurnRule, label, least_objective

RULES = (*FAST, *SLOW)
objectives = st.floats(min_value=95, max_value=99.999)


@pytest.mark.parametrize(("rule", "spent"), list(zip(RULES, (0.02, 0.05, 0.10), strict=True)))
def test_rule_fires_when_the_workbooks_share_of_the_budget_is_spent(rule: BurnRule, spent: float) -> None:
    assert rule.budget_spent == pytest.approx(spent)


@pytest.mark.parametrize("rule", RULES)
def test_short_window_is_a_twelfth_of_the_long_one(rule: BurnRule) -> None:
    assert rule.long == 12 * rule.short


def test_faster_rules_look_at_shorter_windows() -> None:
    for faster, slower in pairwise(RULES):
        assert faster.rate > slower.rate
        assert faster.long < slower.long


@given(objectives, st.sampled_from(RULES))
def test_burning_at_a_rules_rate_for_its_long_window_spends_its_share(
    objective: float, rule: BurnRule
) -> None:
    budget = (100 - objective) / 100 * BUDGET_MINUTES
    bad_minutes = rule.threshold(objective) / 100 * rule.long
    assert bad_minutes / budget == pytest.approx(rule.budget_spent, rel=1e-3)


@given(objectives, st.sampled_from(RULES), st.floats(min_value=0.0001, max_value=100))
def test_rule_detects_exactly_what_burns_faster_than_its_rate(
    objective: float, rule: BurnRule, bad: float
) -> None:
    """Replays the window by the minute: peace, then `bad` percent from now on."""
    detected = rule.detection_minutes(objective, bad)
    threshold = rule.threshold(objective)
    if detected is None:
        assert bad <= threshold
        return
    assert 0 < detected < rule.long
    before, after = detected * 0.99, detected * 1.01
    assert bad * before / rule.long < threshold < bad * after / rule.long
    assert bad > threshold  # the short window, full of the same minutes, burns as well


@given(st.sampled_from(RULES), st.integers(min_value=1, max_value=720))
def test_rule_is_quiet_again_once_its_short_window_is(rule: BurnRule, outage: int) -> None:
    """A total outage of `outage` minutes, then none: after the short window the rule cannot fire."""
    minutes = [100.0] * outage + [0.0] * rule.short
    short = minutes[-rule.short :]
    assert sum(short) / rule.short <= rule.threshold(99.9)


def test_below_the_least_objective_even_a_total_outage_fires_nothing() -> None:
    assert least_objective() == pytest.approx(93.0556, abs=1e-3)
    assert FAST[0].threshold(least_objective() + 0.01) < 100
    assert FAST[0].threshold(least_objective() - 0.01) > 100


@pytest.mark.parametrize(("minutes", "text"), [(5, "5m"), (60, "1h"), (360, "6h"), (4320, "3d"), (90, "90m")])
def test_windows_are_named_as_people_say_them(minutes: int, text: str) -> None:
    assert label(minutes) == text
