"""Keys, symbols and sources as the environment gives them; which sources run follows from that."""

import pytest
from richesreach.core.settings import SettingsError
from richesreach.market_data.catalogue import SOURCES
from richesreach.market_data.recovery import Recovering
from richesreach.market_data.roster import carriers, roster
from richesreach.market_data.settings import SECRET, MarketSettings
from richesreach.market_data.universe import SYMBOLS

KEYS = '{"massive": {"key": "k1"}, "coingecko": {"key": "k2"}}'


def settings(**environ: str) -> MarketSettings:
    return MarketSettings.from_environment(environ)


def running(own: MarketSettings, environment: str) -> list[str]:
    return [entry.about.name for entry in roster(own, environment) if entry.adapter is not None]


def test_without_keys_the_generator_runs_in_local_and_nothing_asks_the_world() -> None:
    assert running(settings(), "local") == ["generator"]
    assert carriers(roster(settings(), "local")) == {symbol: ["generator"] for symbol in SYMBOLS}


def test_elsewhere_what_needs_no_key_runs_and_nothing_is_made_up() -> None:
    assert running(settings(), "prod") == ["world_bank", "fear_greed"]


def test_keys_come_from_the_secret_or_each_vendors_variable() -> None:
    own = settings(**{SECRET: KEYS, "FINNHUB_API_KEY": "k3", "POLYGON_API_KEY": "other"})
    assert {name: key.reveal() for name, key in own.keys.items()} == {
        "massive": "k1",
        "coingecko": "k2",
        "finnhub": "k3",
    }
    assert running(own, "prod") == ["massive", "finnhub", "coingecko", "world_bank", "fear_greed"]
    assert carriers(roster(own, "prod"))["AAPL"] == ["massive", "finnhub"]
    assert carriers(roster(own, "prod"))["BTC-USD"] == ["finnhub", "coingecko"]
    assert "GSPC" not in carriers(roster(own, "prod"))


def test_a_key_of_a_plan_that_tells_late_says_by_how_much() -> None:
    own = settings(**{SECRET: '{"massive": {"key": "k1", "late": 900}, "finnhub": {"key": "k2"}}'})
    assert own.late == {"massive": 900 * 10**9}
    (massive,) = [entry.adapter for entry in roster(own, "prod") if entry.about.name == "massive"]
    assert isinstance(massive, Recovering)
    assert massive.late == 900 * 10**9


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ('{"finnhub": {"key": "k", "late": 900}}', "'finnhub' has no plan that is late"),
        ('{"massive": {"key": "k", "late": 3601}}', "'massive' is late by 3601 s, and can be by 0 to 3600"),
        ('{"massive": {"key": "k", "late": -1}}', "'massive' is late by -1 s"),
        ('{"massive": {"key": "k", "late": "900"}}', "is not what it should be"),
    ],
)
def test_a_lateness_that_cannot_be_is_refused(said: str, wrong: str) -> None:
    with pytest.raises(SettingsError, match=wrong):
        settings(**{SECRET: said})


def test_made_up_prices_never_stand_beside_real_ones() -> None:
    assert running(settings(**{SECRET: KEYS}), "local") == ["massive", "coingecko"]


def test_a_key_is_in_no_representation() -> None:
    assert "k1" not in repr(settings(**{SECRET: KEYS}))


def test_sources_and_symbols_can_be_named() -> None:
    own = settings(MARKET_SOURCES="generator,fear_greed", MARKET_SYMBOLS="AAPL, IBM,")
    assert running(own, "local") == ["generator", "fear_greed"]
    assert carriers(roster(own, "local")) == {"AAPL": ["generator"], "IBM": ["generator"]}


def test_every_source_is_listed_with_why_it_does_not_run() -> None:
    entries = roster(settings(), "local")
    assert {entry.about.name for entry in entries} == {about.name for about in SOURCES}
    assert all(bool(entry.disabled) == (entry.adapter is None) for entry in entries)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({SECRET: "{"}, f"{SECRET} is not what it should be"),
        ({SECRET: '{"reuters": {"key": "x"}}'}, "names 'reuters': the vendors are"),
        ({SECRET: '{"massive": {"key": "a b"}}'}, "the key of massive holds something that no header can"),
        ({"MARKET_SYMBOLS": "aapl"}, "MARKET_SYMBOLS: symbol 'aapl' must be"),
        ({"MARKET_SYMBOLS": ","}, "MARKET_SYMBOLS: no symbol is asked for"),
        ({"MARKET_SOURCES": "reuters"}, "MARKET_SOURCES names 'reuters'"),
        ({"MARKET_GENERATOR_RATE": "0"}, "MARKET_GENERATOR_RATE"),
    ],
)
def test_what_is_wrong_is_named(environ: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(**environ)
    assert any(said in problem for problem in caught.value.problems)
    assert "a b" not in str(caught.value.problems)


@pytest.mark.parametrize(
    "said",
    [
        '{"massive": {"sk-SECRET9": "x"}}',
        '{"sk-SECRET9": {"key": "x"}}',
        '{"sk-SECRET9": {"key": "x", "late": -5}}',
        '{"massive": "sk-SECRET9"}',
        '{"massive": {"key": "k", "late": "sk-SECRET9"}}',
    ],
)
def test_a_key_in_the_wrong_place_is_not_told(said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(**{SECRET: said})
    assert SECRET in str(caught.value)
    assert "SECRET9" not in str(caught.value)


def test_an_empty_key_leaves_the_vendors_own_variable() -> None:
    found = settings(**{SECRET: '{"massive": {"key": ""}}', "POLYGON_API_KEY": "k3"})
    assert found.keys["massive"].reveal() == "k3"
