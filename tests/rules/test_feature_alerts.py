"""Alerts on how old features are, evaluated by Prometheus itself."""

from __future__ import annotations

import pytest

from stacks.manifest import Manifest, load_manifests
from tests.rules.conftest import Firing

PLACE = 'service="features", region="eu-west-1", environment="prod"'


@pytest.fixture(scope="session")
def gateway() -> Manifest:
    """Here the rules are those of the service that promises fresh features."""
    (found,) = [manifest for manifest in load_manifests() if manifest.slo.fresh_seconds is not None]
    return found


def age(task: str, values: str) -> dict[str, str]:
    labels = f'{PLACE}, task="{task}"'
    return {
        f"up{{{labels}}}": "1x120",
        f'richesreach_feature_age_seconds{{{labels}, vector="newest"}}': values,
        f'richesreach_feature_age_seconds{{{labels}, vector="oldest"}}': "90000x120",
    }


def reads(
    fresh: str, stale: str, missing: str = "0x120", view: str = "market_data_features"
) -> dict[str, str]:
    name = f'richesreach_feature_reads_total{{{PLACE}, task="a", view="{view}", outcome='
    return {f'{name}"fresh"}}': fresh, f'{name}"stale"}}': stale, f'{name}"missing"}}': missing}


def test_nothing_is_told_while_features_are_fresh(firing: Firing) -> None:
    # A symbol that does not trade is no trouble, and neither is one that nobody knows.
    assert firing(age("a", "2x120") | reads("0+50x120", "0+1x120", "0+500x120"), "100m") == set()


def test_it_is_told_that_no_tick_reaches_the_features(firing: Firing) -> None:
    assert firing(age("a", "2x20 100+60x100"), "22m") == set()
    assert firing(age("a", "2x20 100+60x100"), "40m") == {"features-features-stale"}


def awaited(us_stocks: str, coins: str) -> dict[str, str]:
    """As the one task says that publishes."""
    of = 'service="market-data", region="eu-west-1", environment="prod", task="m"'
    name = f"richesreach_market_symbols_awaited{{{of}, market="
    return {f'{name}"us-stocks"}}': us_stocks, f'{name}"coins"}}': coins}


def test_a_night_in_which_every_market_is_closed_is_no_trouble(firing: Firing) -> None:
    stands = age("a", "2x20 100+60x100")
    assert firing(stands | awaited("500x20 0x100", "0x120"), "100m") == set()
    # A coin should have ticks all night, and all shares again from the morning on.
    assert firing(stands | awaited("500x20 0x100", "2x120"), "100m") == {"features-features-stale"}
    morning = awaited("500x20 0x60 500x40", "0x120")
    assert firing(stands | morning, "80m") == set()
    assert firing(stands | morning, "95m") == {"features-features-stale"}


def test_a_task_that_does_not_look_is_no_pipeline_that_stands(firing: Firing) -> None:
    assert firing(age("a", "9000x120") | age("b", "2x120"), "100m") == set()


def test_reads_that_find_stale_features_spend_the_budget(firing: Firing) -> None:
    assert firing(age("a", "2x120") | reads("0+50x120", "0+20x120"), "90m") == {
        "features-feature-reads-stale"
    }


def test_reads_of_closed_markets_spend_nothing_of_it(firing: Firing) -> None:
    name = (
        f'richesreach_feature_reads_total{{{PLACE}, task="a", view="market_data_features", outcome="closed"}}'
    )
    assert firing(age("a", "2x120") | reads("0+50x120", "0+1x120") | {name: "0+50x120"}, "90m") == set()
    # They do not hide those that are stale, either.
    assert firing(age("a", "2x120") | reads("0+5x120", "0+2x120") | {name: "0+50x120"}, "90m") == {
        "features-feature-reads-stale"
    }


def test_views_that_are_pushed_now_and_then_spend_nothing_of_it(firing: Firing) -> None:
    series = age("a", "2x120") | reads("0+50x120", "0+50x120", view="fundamental_features")
    assert firing(series, "90m") == set()
