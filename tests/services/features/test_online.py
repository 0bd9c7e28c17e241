"""The newest features, read by REST and gRPC from vectors that stand in a real cache."""

import functools
import math
import time
from datetime import UTC, datetime

import features_task
import numpy as np
import pytest
from cache_servers import CachePair
from features_task import SECOND, FeaturesTask, symbol
from gateway_task import Environment
from richesreach.core.contracts.features.v1 import features_pb2 as wire
from richesreach.core.problems import Problem
from richesreach.core.vectors import ONLINE
from richesreach.features.online import NO_TIME, OnlineFeatures
from richesreach.features.selection import selection
from richesreach.features.views import BY_NAME, VIEWS
from token_issuer import Issuer


async def test_features_come_in_the_order_in_which_they_are_asked(task: FeaturesTask) -> None:
    name = symbol()
    at = await task.write(name, price=189.5, rsi_14_1m=61.25, open_1m=188.0)
    asked = {"entities": name, "features": "rsi_14_1m,price,sma_50_5m,open_1m"}
    answer = await task.http.get("/features/online", params=asked, headers=task.bearer("viewer"))
    body = answer.json()
    assert (answer.status_code, body["features"]) == (200, ["rsi_14_1m", "price", "sma_50_5m", "open_1m"])
    (row,) = body["rows"]
    assert (row["entity"], row["values"]) == (name, [61.25, 189.5, None, 188.0])
    assert row["event_time"].endswith(f".{at % SECOND:09d}Z")
    assert 0 <= row["age_seconds"] < 600


async def test_a_symbol_without_a_vector_is_unknown_and_takes_no_other_with_it(task: FeaturesTask) -> None:
    name = symbol()
    await task.write(name, price=1.0)
    asked = {"entities": [name, "NOBODY", "no symbol"], "features": ["price"]}
    answer = await task.http.post("/features/online", json=asked, headers=task.bearer("viewer"))
    assert [row["entity"] for row in answer.json()["rows"]] == [name]
    assert sorted(answer.json()["unknown"]) == ["NOBODY", "no symbol"]


async def test_bytes_that_are_no_vector_are_as_if_they_were_not_there(task: FeaturesTask) -> None:
    good, bad = symbol(), symbol()
    await task.write(good, price=2.0)
    await task.servers.write_value(lambda wire: wire.call("SET", ONLINE.key(bad), b"nonsense"))
    asked = {"entities": [bad, good], "features": ["price"]}
    answer = await task.http.post("/features/online", json=asked, headers=task.bearer("viewer"))
    assert ([row["values"] for row in answer.json()["rows"]], answer.json()["unknown"]) == ([[2.0]], [bad])
    shown = (await task.http.get("/metrics/")).text
    assert "richesreach_feature_vectors_unreadable_total 1.0" in shown


async def test_a_single_vector_is_read_as_it_is_among_others(task: FeaturesTask) -> None:
    good, bad, other, asked = symbol(), symbol(), symbol(), selection(["rsi_14_1m", "price"])
    at = await task.write(good, price=2.0, rsi_14_1m=50.0)
    foreign = BY_NAME["ml_prediction_features"].layout.number.to_bytes(8, "little").ljust(ONLINE.size, b"\0")
    await task.servers.write_value(
        lambda wire: wire.call("MSET", ONLINE.key(bad), b"", ONLINE.key(other), foreign)
    )
    among = await task.online.read(asked, [good, bad, other, "NOBODY"])
    alone = [await task.online.read(asked, [one]) for one in (good, bad, other, "NOBODY")]
    assert [read.times for read in alone] == [[at], [NO_TIME], [NO_TIME], [NO_TIME]]
    assert among.times == [at, NO_TIME, NO_TIME, NO_TIME]
    np.testing.assert_array_equal(among.values, np.vstack([read.values for read in alone]))
    assert alone[0].values.tolist() == [[50.0, 2.0]]
    counts = task.online.counts
    assert (counts["market_data_features", "fresh"], counts["market_data_features", "missing"]) == (2, 6)


async def test_what_is_older_than_its_view_lets_it_be_is_not_given(task: FeaturesTask) -> None:
    name = symbol()
    await task.write(name, time.time_ns() - VIEWS[0].ttl * SECOND - SECOND, price=3.0)
    asked = {"entities": [name], "features": ["price"]}
    answer = await task.http.post("/features/online", json=asked, headers=task.bearer("viewer"))
    assert (answer.json()["rows"], answer.json()["unknown"]) == ([], [name])


async def test_reads_are_counted_by_the_age_of_what_was_read(task: FeaturesTask) -> None:
    # Coins trade always, whenever the tests run.
    fresh, stale = symbol(), f"{symbol()[:-2]}-USD"
    await task.write(fresh, price=1.0)
    await task.write(stale, time.time_ns() - 3600 * SECOND, price=1.0)
    asked = {"entities": [fresh, stale, "NOBODY"], "features": ["price"]}
    await task.http.post("/features/online", json=asked, headers=task.bearer("viewer"))
    shown = (await task.http.get("/metrics/")).text
    for outcome in ("fresh", "stale", "missing"):
        expected = f'richesreach_feature_reads_total{{outcome="{outcome}",view="market_data_features"}} 1.0'
        assert expected in shown


async def test_what_is_old_because_its_market_is_closed_is_not_stale(task: FeaturesTask) -> None:
    sunday = int(datetime(2026, 7, 12, 12, tzinfo=UTC).timestamp()) * SECOND
    monday = sunday + 27 * 3600 * SECOND
    share, coin = symbol(), f"{symbol()[:-2]}-USD"
    for name in (share, coin):
        await task.write(name, sunday - 3600 * SECOND, price=1.0)
    for now, stale, closed in ((sunday, 1, 1), (monday, 2, 0)):
        online = OnlineFeatures(task.servers, now=functools.partial(int, now))
        read = await online.read(selection(["price", "open_1m"]), [share, coin, "NOBODY"])
        assert read.values[:2, 0].tolist() == [1.0, 1.0]
        counted = {
            outcome: count for (view, outcome), count in online.counts.items() if view == VIEWS[0].name
        }
        assert counted == {"fresh": 0, "stale": stale, "closed": closed, "missing": 1}
        for name in (share, coin):
            await online.read(selection(["price"]), [name])
        assert online.counts[VIEWS[0].name, "stale"] == 2 * stale
        assert online.counts[VIEWS[0].name, "closed"] == 2 * closed


@pytest.mark.parametrize(
    ("asked", "status", "kind"),
    [
        ({"entities": ["AAPL"], "features": ["nonsense"]}, 404, "unknown-feature"),
        ({"entities": ["AAPL"], "features": ["price", "market_data_features:price"]}, 422, "invalid-request"),
        ({"entities": ["AAPL"], "features": ["price", "beta"]}, 422, "invalid-request"),
        ({"entities": ["no symbol"], "features": ["price"]}, 422, "invalid-request"),
        ({"entities": [], "features": ["price"]}, 422, "invalid-request"),
        ({"entities": ["A"] * 501, "features": ["price"]}, 422, "invalid-request"),
        ({"entities": ["A"], "features": ["price"], "at": "now"}, 422, "invalid-request"),
    ],
)
async def test_what_cannot_be_asked_is_said(
    task: FeaturesTask, asked: object, status: int, kind: str
) -> None:
    answer = await task.http.post("/features/online", json=asked, headers=task.bearer("viewer"))
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:richesreach:problem:{kind}")


async def test_a_caller_shows_who_they_are(task: FeaturesTask) -> None:
    asked = {"entities": "AAPL", "features": "price"}
    assert (await task.http.get("/features/online", params=asked)).status_code == 401


async def test_what_a_portfolio_holds_is_for_services_and_admins(task: FeaturesTask) -> None:
    asked = {"entities": "p-1", "features": "beta"}
    for headers, status in ((task.bearer("trader"), 403), (task.bearer("admin"), 200), (task.service(), 200)):
        assert (await task.http.get("/features/online", params=asked, headers=headers)).status_code == status


async def test_six_views_are_told_with_every_feature(task: FeaturesTask) -> None:
    views = (await task.http.get("/features/views")).json()["views"]
    assert [view["name"] for view in views] == [
        "market_data_features",
        "technical_indicators_features",
        "sentiment_features",
        "fundamental_features",
        "ml_prediction_features",
        "portfolio_features",
    ]
    assert (await task.http.get("/features/views/sentiment_features")).json() == views[2]
    assert (await task.http.get("/features/views/nonsense")).status_code == 404
    names = [feature["name"] for view in views for feature in view["features"]]
    assert len(names) == len(set(names))


def test_the_live_views_have_all_that_the_streams_vector_has() -> None:
    assert {name for view in VIEWS if view.live for name in view.names} == set(ONLINE.names)


async def test_vectors_of_many_symbols_are_one_call(task: FeaturesTask) -> None:
    first, second = symbol(), symbol()
    older = await task.write(first, price=1.5, vwap_1m=1.25)
    await task.write(second, price=2.5)
    asked = wire.VectorsRequest(symbols=[second, first, "NOBODY"], names=["price", "vwap_1m"])
    answer = await task.rpc.call("Vectors", asked)
    assert [vector.symbol for vector in answer.vectors] == [second, first]
    assert list(answer.vectors[1].values) == [1.5, 1.25]
    assert answer.vectors[0].values[0] == 2.5
    assert math.isnan(answer.vectors[0].values[1])
    assert answer.vectors[1].event_time == older
    assert list(answer.unknown_symbols) == ["NOBODY"]


async def test_a_matrix_has_a_row_for_each_entity_and_a_column_for_each_name(task: FeaturesTask) -> None:
    name = symbol()
    at = await task.write(name, price=1.5, open_1m=1.0)
    asked = wire.MatrixRequest(entities=["NOBODY", name, name], names=["market_data_features", "rsi_14_1s"])
    answer = await task.rpc.call("Matrix", asked)
    assert list(answer.names) == [*VIEWS[0].names, "rsi_14_1s"]
    found = np.frombuffer(answer.values, "<f8").reshape(3, len(answer.names))
    assert np.isnan(found[0]).all()
    assert (found[1][0], found[1][list(answer.names).index("open_1m")]) == (1.5, 1.0)
    assert np.array_equal(found[1], found[2], equal_nan=True)
    assert list(answer.event_times) == [-1, at, at]


async def test_features_of_several_vectors_have_the_time_of_the_oldest(task: FeaturesTask) -> None:
    name, layout = symbol(), BY_NAME["sentiment_features"].layout
    at = await task.write(name, price=1.5)
    values = features_task.row(layout, {"news_sentiment": -0.5})
    await features_task.write(task.servers, layout, {name: (at - SECOND, values)})
    asked = wire.MatrixRequest(entities=[name], names=["news_sentiment", "price"])
    answer = await task.rpc.call("Matrix", asked)
    assert np.frombuffer(answer.values, "<f8").tolist() == [-0.5, 1.5]
    assert list(answer.event_times) == [at - SECOND]


async def test_a_call_that_cannot_be_served_is_told_as_a_route_tells_it(task: FeaturesTask) -> None:
    with pytest.raises(Problem) as refused:
        await task.rpc.call("Matrix", wire.MatrixRequest(entities=["AAPL"], names=["nonsense"]))
    assert (refused.value.status, refused.value.kind) == (404, "unknown-feature")


async def test_without_the_cache_a_read_says_so_and_does_not_call_all_unknown(
    told: Environment, signing: Issuer, own_caches: CachePair
) -> None:
    own = {
        **told,
        "REDIS_PRIMARY_HOST": own_caches.primary.host,
        "REDIS_PRIMARY_PORT": str(own_caches.primary.port),
        "REDIS_SECONDARY_HOST": own_caches.replica.host,
        "REDIS_SECONDARY_PORT": str(own_caches.replica.port),
    }
    async with features_task.running(own, signing) as task:
        name = symbol()
        await task.write(name, price=1.0)
        own_caches.replicated()
        asked = {"entities": name, "features": "price"}
        own_caches.primary.stop()
        answer = await task.http.get("/features/online", params=asked, headers=task.bearer("viewer"))
        assert (answer.status_code, answer.json()["rows"][0]["values"]) == (200, [1.0])
        own_caches.replica.stop()
        answer = await task.http.get("/features/online", params=asked, headers=task.bearer("viewer"))
        assert (answer.status_code, answer.json()["type"]) == (
            503,
            "urn:richesreach:problem:features-unavailable",
        )
