"""What an environment may say about monitoring, and what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.errors import ConfigurationError
from tests.stacks.environments import document, put, read

WRONG: dict[str, tuple[str, object, str, str, str]] = {
    "runbooks without TLS": (
        "monitoring.runbook_base_url",
        "http://wiki",
        "monitoring.runbook_base_url",
        "should match pattern",
        "correct the value 'http://wiki'",
    ),
    "an address that is none": (
        "monitoring.alarm_email",
        "night shift",
        "monitoring.alarm_email",
        "should match pattern",
        "correct the value 'night shift'",
    ),
    "suppression without the metric that it needs": (
        "services.container_insights",
        False,
        "monitoring.suppress_during_deployments",
        "Container Insights counts them and is off",
        "set services.container_insights to true, or this to false",
    ),
    "a canary that asks nobody": (
        "monitoring.canary",
        {"edge": False, "origin": False, "minutes": 5},
        "monitoring.canary",
        "neither edge nor origin is asked",
        "set one to true or remove `canary`",
    ),
    "a region that may cost more than all": (
        "monitoring.budgets",
        {"monthly_usd": 100, "region_usd": 200, "anomaly_usd": 10},
        "monitoring.budgets",
        "region_usd 200 exceeds monthly_usd 100",
        "lower it",
    ),
    "a band without width": (
        "monitoring.anomaly_band",
        0,
        "monitoring.anomaly_band",
        "greater than or equal to 1",
        "correct the value 0",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_monitoring_is_refused_with_key_and_mend(case: str, tmp_path: Path) -> None:
    path, value, key, problem, mend = WRONG[case]
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, put(document(), path, value))
    assert caught.value.key == key
    assert problem in caught.value.problem
    assert mend in caught.value.mend


@pytest.mark.parametrize("key", ["alarm_email", "pagerduty_events_url", "anomaly_band", "canary", "budgets"])
def test_what_an_environment_does_without_is_left_out(key: str, tmp_path: Path) -> None:
    contents = document()
    contents["monitoring"].pop(key, None)
    assert getattr(read(tmp_path, contents).monitoring, key) is None
