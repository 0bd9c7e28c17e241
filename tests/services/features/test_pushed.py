"""Views that other services push: kept for good, and online at once in the region that took them."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from features_task import SECOND, FeaturesTask, symbol
from postgres_servers import PostgresCluster
from richesreach.core.contracts.features.v1 import features_pb2 as contract
from richesreach.features import moments
from richesreach.features.offline import OfflineStore, Row
from richesreach.features.pushed import KEPT, PushedVectors
from richesreach.features.views import BY_NAME, View

PATH = "/features/views/{}/rows"
SENTIMENT = BY_NAME["sentiment_features"]


class Lagging(OfflineStore):
    """A replica that has nothing yet."""

    def __init__(self) -> None:
        return

    async def newest(self, view: View, entities: Sequence[str], *, written: bool = False) -> dict[str, Row]:
        return {}


async def push(
    task: FeaturesTask, entity: str, at: int, view: str = "sentiment_features", **values: Any
) -> int:
    row = {"entity": entity, "event_time": moments.text(at), "values": values}
    answer = await task.http.post(PATH.format(view), json={"rows": [row]}, headers=task.service())
    return answer.status_code


async def online(task: FeaturesTask, entity: str, *names: str) -> list[float | None] | None:
    asked = {"entities": entity, "features": ",".join(names)}
    answer = (await task.http.get("/features/online", params=asked, headers=task.service())).json()
    return answer["rows"][0]["values"] if answer["rows"] else None


async def test_what_is_pushed_is_online_once_it_was_taken(task: FeaturesTask) -> None:
    name, now = symbol(), time.time_ns()
    assert await push(task, name, now, news_sentiment=-0.5, news_documents=3) == 200
    assert await online(task, name, "news_documents", "social_sentiment", "news_sentiment") == [3, None, -0.5]


async def test_a_row_that_comes_late_is_kept_and_takes_no_newer_ones_place(
    task: FeaturesTask, features_database: PostgresCluster
) -> None:
    name, now = symbol(), time.time_ns()
    await push(task, name, now, news_sentiment=0.5)
    await push(task, name, now - SECOND, news_sentiment=0.25)
    assert await online(task, name, "news_sentiment") == [0.5]
    count = f"select count(*) from sentiment_features where symbol = '{name}'"  # noqa: S608
    assert features_database.sql(count) == "2"


async def test_a_vector_that_left_the_cache_is_found_in_the_database(
    task: FeaturesTask, features_database: PostgresCluster
) -> None:
    name, now = symbol(), time.time_ns()
    await push(task, name, now, news_sentiment=0.5)
    key = SENTIMENT.layout.key(name)
    await task.servers.write_value(lambda wire: wire.call("DEL", key))
    features_database.replicated()
    assert await online(task, name, "news_sentiment") == [0.5]
    left = await task.servers.read_value(lambda wire: wire.call("TTL", key))
    assert 0 < left <= KEPT


async def test_an_entity_without_rows_is_asked_of_the_database_once(task: FeaturesTask) -> None:
    name = symbol()
    assert await online(task, name, "news_sentiment") is None
    task.platform.database.reader.run = None  # type: ignore[method-assign, assignment]
    assert await online(task, name, "news_sentiment") is None


async def test_what_is_read_of_a_replica_does_not_replace_what_was_pushed(task: FeaturesTask) -> None:
    name, now = symbol(), time.time_ns()
    await push(task, name, now, news_sentiment=0.5)
    # A read that began before the push, at a replica that had no row yet, ends after it.
    await PushedVectors(Lagging(), task.servers).find(SENTIMENT.layout, [name])
    assert await online(task, name, "news_sentiment") == [0.5]


async def test_portfolios_are_pushed_by_their_id(task: FeaturesTask) -> None:
    now = time.time_ns()
    assert await push(task, "p-17", now, "portfolio_features", beta=1.25, total_value=1000.0) == 200
    assert await online(task, "p-17", "total_value", "beta") == [1000.0, 1.25]


@pytest.mark.parametrize(
    ("view", "values", "ahead", "status"),
    [
        ("sentiment_features", {"news_sentiment": 1.5}, 0, 422),
        ("sentiment_features", {"price": 1.5}, 0, 422),
        ("sentiment_features", {}, 0, 422),
        ("sentiment_features", {"news_sentiment": 0.5}, 3600, 422),
        ("market_data_features", {"price": 1.5}, 0, 409),
        ("nonsense", {"price": 1.5}, 0, 404),
    ],
)
async def test_what_cannot_be_is_refused(
    task: FeaturesTask, view: str, values: dict[str, float], ahead: int, status: int
) -> None:
    assert await push(task, symbol(), time.time_ns() + ahead * SECOND, view, **values) == status


async def test_services_and_admins_push_and_nobody_else(task: FeaturesTask) -> None:
    row = {"entity": symbol(), "event_time": moments.text(time.time_ns()), "values": {"news_sentiment": 0.1}}
    path = PATH.format("sentiment_features")
    for headers, status in (({}, 401), (task.bearer("trader"), 403), (task.bearer("admin"), 200)):
        assert (await task.http.post(path, json={"rows": [row]}, headers=headers)).status_code == status


async def test_what_is_no_entity_has_no_vector_and_is_not_remembered(task: FeaturesTask) -> None:
    name = symbol()
    await push(task, name, time.time_ns(), news_sentiment=0.5)
    await task.servers.write_value(lambda wire: wire.call("DEL", SENTIMENT.layout.key(name)))
    asked = contract.MatrixRequest(entities=[name, "A\0B"], names=["news_sentiment"])
    answer = await task.rpc.call("Matrix", asked)
    np.testing.assert_array_equal(np.frombuffer(answer.values, "<f8"), [0.5, np.nan])
    key = SENTIMENT.layout.key("A\0B")
    assert await task.servers.read_value(lambda wire: wire.call("EXISTS", key)) == 0
