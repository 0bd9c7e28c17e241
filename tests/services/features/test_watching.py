"""What is online is kept offline, its age is told, and the two are proven to be the same."""

import time
from typing import Any

import features_task
import numpy as np
import pytest
from features_task import SECOND, FeaturesTask, symbol
from gateway_task import Environment
from hypothesis import given, settings
from hypothesis import strategies as st
from postgres_servers import PostgresCluster
from richesreach.core.market_hours import is_open
from richesreach.core.vectors import ONLINE
from richesreach.features.checking import Sample, statistics, validate
from richesreach.features.views import BY_NAME
from richesreach.features.watching import Watch, ages
from token_issuer import Issuer

MARKET, SENTIMENT = BY_NAME["market_data_features"], BY_NAME["sentiment_features"]


async def known(task: FeaturesTask, name: str) -> None:
    """A symbol of the platform, as the gateway keeps them."""
    statement = "insert into market_symbols values ($1, 'A test', 'equity', 'XNAS', 'USD', 'test')"
    await task.platform.database.writer.run(lambda connection: connection.execute(statement, name))


async def recorded(task: FeaturesTask, database: PostgresCluster, names: list[str]) -> None:
    await task.watch.record(names, await task.online.newest(ONLINE, names))
    database.replicated()


async def asked(task: FeaturesTask, path: str, **params: Any) -> Any:
    answer = await task.http.get(f"/features/{path}", params=params, headers=task.bearer("viewer"))
    assert answer.status_code == 200, answer.text
    return answer.json()


@given(values=st.lists(st.floats(allow_infinity=False), min_size=50, max_size=50), at=st.integers(1, 2**62))
@settings(deadline=None)
def test_a_row_gives_the_hash_of_the_vector_that_it_was_made_of(values: list[float], at: int) -> None:
    raw = ONLINE.encode(np.array([at]), np.array([1]), np.array([values]))
    online = ONLINE.decode(raw)
    kept = {
        name: None if np.isnan(value) else value
        for name, value in zip(ONLINE.names, online.values[0].tolist(), strict=True)
    }
    assert ONLINE.skew_hash("A", at, ONLINE.of_row(kept)) == ONLINE.skew_hash("A", at, online.values[0])


async def test_offline_rows_have_the_hash_of_what_was_online(
    task: FeaturesTask, features_database: PostgresCluster
) -> None:
    name = symbol()
    await task.write(name, price=0.1 + 0.2, rsi_14_1m=1 / 3, macd_5m=-0.0)
    await recorded(task, features_database, [name])
    proof = await asked(task, "skew", view="market_data_features", entities=name)
    assert (proof["proven"], proof["skewed"]) == (1, [])


async def test_a_row_that_was_changed_is_skew(task: FeaturesTask, features_database: PostgresCluster) -> None:
    name = symbol()
    at = await task.write(name, price=10.0, rsi_14_1m=50.0)
    await recorded(task, features_database, [name])
    change = "update technical_indicators_features set rsi_14_1m = 50.00000000000001"
    features_database.sql(f"{change} where symbol = '{name}'")
    features_database.replicated()
    proof = await asked(task, "skew", view="market_data_features", entities=name)
    (row,) = proof["skewed"]
    assert (proof["proven"], row["entity"]) == (0, name)
    assert row["event_time"].endswith(f"{at % SECOND:09d}Z")
    assert row["online_hash"] != row["offline_hash"]


async def test_one_task_of_the_region_keeps_what_is_online(
    task: FeaturesTask, told: Environment, signing: Issuer, features_database: PostgresCluster
) -> None:
    name = symbol()
    await known(task, name)
    at = await task.write(name, price=10.0)
    own = {**told, "WRITER_REGION": told["AWS_REGION"], "RPC_PORT": "0"}
    features_database.replicated()
    async with features_task.running(own, signing) as first, features_task.running(own, signing) as second:
        # From here on each looks when it is told to.
        await first.watch.close()
        await second.watch.close()
        await task.servers.write_value(lambda wire: wire.call("DEL", "features:recording"))
        before = first.watch.recorded + second.watch.recorded
        for each in (first, second):
            await each.watch.look()
        assert first.watch.recorded + second.watch.recorded - before == 1
        shown = (await first.http.get("/metrics/")).text
        assert 'richesreach_feature_age_seconds{vector="newest"}' in shown
    found = features_database.sql(f"select event_time from market_data_features where symbol = '{name}'")  # noqa: S608
    assert found == str(at)
    # This region's own task, where the writer is elsewhere, keeps nothing.
    await task.watch.look()
    assert task.watch.recorded == 0


async def test_statistics_are_of_the_values_that_there_are(
    task: FeaturesTask, features_database: PostgresCluster
) -> None:
    names = [symbol() for _ in range(4)]
    for place, name in enumerate(names):
        await task.write(name, price=10.0 + place, **({"vwap_1m": 3.0} if place else {}))
    await recorded(task, features_database, names)
    told = await asked(task, "statistics", view="market_data_features", hours=1)
    features = {feature["name"]: feature for feature in told["features"]}
    assert told["rows"] >= 4
    assert set(features) == set(MARKET.names)
    assert features["price"]["nulls"] == 0.0
    assert features["price"]["highest"] >= 13.0


def sample(**columns: list[float]) -> Sample:
    """Rows of the sentiment view, one entity each, of a second ago."""
    number = len(next(iter(columns.values())))
    values = np.full((number, len(SENTIMENT.names)), 0.5)
    for name, column in columns.items():
        values[:, SENTIMENT.names.index(name)] = column
    return Sample(SENTIMENT, [f"S{place}" for place in range(number)], [NOW - SECOND] * number, values)


NOW = time.time_ns()


def test_a_summary_leaves_out_what_has_no_value() -> None:
    found = statistics(sample(news_sentiment=[np.nan, 0.0, 0.5, 1.0]))[0]
    assert (found.rows, found.nulls, found.lowest, found.highest, found.mean) == (4, 0.25, 0.0, 1.0, 0.5)
    assert found.quantiles == pytest.approx({"p1": 0.01, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p99": 0.99})


def test_what_is_well_has_no_findings() -> None:
    assert validate(sample(news_sentiment=[-1.0, 0.0, 1.0]), NOW) == []


@pytest.mark.parametrize("value", [1.5, -1.5, np.inf])
def test_a_value_out_of_its_range_is_a_finding_that_names_whose_it_is(value: float) -> None:
    (found,) = validate(sample(news_sentiment=[0.0, value, 0.0]), NOW)
    assert (found.rule, found.feature, found.entities) == ("range", "news_sentiment", ["S1"])
    assert (found.count, found.of) == (1, 3)


def test_too_many_without_a_value_are_a_finding() -> None:
    (found,) = validate(sample(news_sentiment=[np.nan, *[0.0] * 4]), NOW)
    assert (found.rule, found.feature, found.entities) == ("nulls", "news_sentiment", ["S0"])
    assert validate(sample(news_sentiment=[np.nan, *[0.0] * 9]), NOW) == []


def test_an_entity_is_stale_by_its_newest_row() -> None:
    later = NOW + SENTIMENT.stale_after * SECOND
    (found,) = validate(sample(news_sentiment=[0.0, 0.0]), later)
    assert (found.rule, found.entities, found.count) == ("stale", ["S0", "S1"], 2)
    assert validate(sample(news_sentiment=[0.0, 0.0]), later - 2 * SECOND) == []


async def test_a_report_says_which_view_has_what(
    task: FeaturesTask, features_database: PostgresCluster
) -> None:
    name = symbol()
    await task.write(name, price=-5.0)
    await recorded(task, features_database, [name])
    report = await asked(task, "validation", hours=1)
    views = {view["view"]: view for view in report["views"]}
    found = [one for one in views["market_data_features"]["findings"] if one["rule"] == "range"]
    assert (report["passed"], [name in one["entities"] for one in found]) == (False, [True])
    assert "portfolio_features" not in views


async def test_a_report_on_portfolios_is_for_services_and_admins(task: FeaturesTask) -> None:
    for headers, status in ((task.bearer("viewer"), 403), (task.service(), 200)):
        for path in ("statistics", "validation", "skew"):
            asked = {"view": "portfolio_features"}
            answer = await task.http.get(f"/features/{path}", params=asked, headers=headers)
            assert answer.status_code == status


async def test_vectors_that_are_gone_go_on_to_age(task: FeaturesTask) -> None:
    name = symbol()
    at = await task.write(name, price=1.0)
    now = at + SECOND
    watch = Watch(task.online, task.watch._offline, task.servers, records=False, days=1, now=lambda: now)
    watch._symbols_until, watch.symbols = float("inf"), [name]
    await watch.look()
    assert ages(watch) == {"newest": 1.0, "oldest": 1.0}
    await task.servers.write_value(lambda wire: wire.call("DEL", ONLINE.key(name)))
    now = at + 600 * SECOND
    await watch.look()
    assert ages(watch) == {"newest": 600.0, "oldest": 600.0}


def test_an_entity_of_a_closed_market_is_not_stale() -> None:
    """On a Saturday: of a share and of a coin."""
    saturday = 1_795_000_000 * SECOND
    assert not is_open("us-stocks", saturday)
    old = [saturday - 18 * 3600 * SECOND] * 2
    found = validate(Sample(MARKET, ["AAPL", "BTC-USD"], old, np.ones((2, len(MARKET.names)))), saturday)
    assert [one.entities for one in found if one.rule == "stale"] == [["BTC-USD"]]


@pytest.mark.parametrize("entities", ["A\0B", "no symbol", "AAPL,,MSFT"])
async def test_what_is_no_entity_is_said(task: FeaturesTask, entities: str) -> None:
    asked = {"view": "sentiment_features", "entities": entities}
    answer = await task.http.get("/features/skew", params=asked, headers=task.bearer("viewer"))
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:richesreach:problem:invalid-request")
