"""Features as of a time, out of a real Postgres: what was known then, and nothing that came after."""

import asyncio
from dataclasses import dataclass
from datetime import date

import features_task
import numpy as np
import pytest
from features_task import SECOND, FeaturesTask, symbol
from gateway_task import Environment
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from postgres_servers import PostgresCluster
from richesreach.core.database import Database
from richesreach.core.settings import Settings
from richesreach.features import moments
from richesreach.features.offline import OfflineStore, Row, days_from, rows_of
from richesreach.features.selection import selection
from richesreach.features.views import BY_NAME, VIEWS, View

NOON = 1_767_268_800 * SECOND
SENTIMENT, PREDICTION = BY_NAME["sentiment_features"], BY_NAME["ml_prediction_features"]


def row(view: View, entity: str, at: int, **values: float) -> Row:
    found = np.array([features_task.row(view.layout, values)])
    return rows_of(view, [entity], np.array([at]), found)[0]


@dataclass(frozen=True)
class Kept:
    """A value of one of two views that was kept for an entity at a time."""

    view: int
    entity: int
    at: int
    value: float


_TIMES = st.integers(NOON, NOON + 20)
_KEPT = st.builds(Kept, st.integers(0, 1), st.integers(0, 2), _TIMES, st.floats(-1, 1))
_ASKED = st.lists(st.tuples(st.integers(0, 3), _TIMES), min_size=1, max_size=8)


@given(kept=st.lists(_KEPT, max_size=12, unique_by=lambda one: (one.view, one.entity, one.at)), asked=_ASKED)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_join_gives_the_newest_of_what_was_known_and_nothing_from_after(
    told: Environment, kept: list[Kept], asked: list[tuple[int, int]]
) -> None:
    names = [symbol() for _ in range(4)]
    views, columns = (SENTIMENT, PREDICTION), ("news_sentiment", "predicted_signal")

    async def joined() -> tuple[list[list[float]], list[int]]:
        database = Database(Settings.from_environment(told))
        await database.open()
        store = OfflineStore(database)
        for one in kept:
            values = {columns[one.view]: one.value}
            await store.keep(views[one.view], [row(views[one.view], names[one.entity], one.at, **values)])
        store = OfflineStore(Written(database))
        found = await store.as_of(
            selection(columns), [names[entity] for entity, _ in asked], [at for _, at in asked]
        )
        await database.close()
        return found.values.tolist(), found.times.tolist()

    values, times = asyncio.run(joined())
    for (entity, at), got, time in zip(asked, values, times, strict=True):
        known = [[one for one in kept if (one.view, one.entity) == (view, entity)] for view in (0, 1)]
        newest = [
            max((one for one in each if one.at <= at), key=lambda one: one.at, default=None) for each in known
        ]
        expected = [np.nan if one is None else one.value for one in newest]
        assert np.array_equal(got, expected, equal_nan=True)
        assert time == min((one.at for one in newest if one is not None), default=-1)
        assert time <= at


class Written(Database):
    """Reads what was just written, without waiting for the reader."""

    def __init__(self, of: Database) -> None:
        self.writer = of.writer
        self.reader = of.writer


async def test_rows_are_answered_in_the_order_in_which_they_are_asked(
    task: FeaturesTask, features_database: PostgresCluster
) -> None:
    name = symbol()
    await task.offline.keep(
        SENTIMENT,
        [
            row(SENTIMENT, name, NOON, news_sentiment=0.25),
            row(SENTIMENT, name, NOON + 5, news_sentiment=0.5, social_mentions=3.0),
        ],
    )
    features_database.replicated()
    points = [(name, NOON + 5), (name, NOON + 4), (name, NOON - 1), ("NOBODY", NOON)]
    asked = {
        "features": ["social_mentions", "news_sentiment"],
        "rows": [{"entity": entity, "at": moments.text(at)} for entity, at in points],
    }
    answer = await task.http.post("/features/historical", json=asked, headers=task.bearer("viewer"))
    assert answer.status_code == 200, answer.text
    assert [found["values"] for found in answer.json()["rows"]] == [
        [3.0, 0.5],
        [None, 0.25],
        [None, None],
        [None, None],
    ]
    assert [found["event_time"] for found in answer.json()["rows"]] == [
        moments.text(NOON + 5),
        moments.text(NOON),
        None,
        None,
    ]


async def test_what_was_too_old_at_the_time_is_not_joined(
    task: FeaturesTask, features_database: PostgresCluster
) -> None:
    name = symbol()
    await task.offline.keep(SENTIMENT, [row(SENTIMENT, name, NOON, news_sentiment=0.25)])
    features_database.replicated()
    last = NOON + SENTIMENT.ttl * SECOND - 1
    found = await task.offline.as_of(selection(["news_sentiment"]), [name, name], [last, last + 1])
    assert found.times.tolist() == [NOON, -1]


async def test_a_row_that_is_kept_twice_stays_as_it_was(
    task: FeaturesTask, features_database: PostgresCluster
) -> None:
    name = symbol()
    for value in (0.25, 0.75):
        await task.offline.keep(SENTIMENT, [row(SENTIMENT, name, NOON, news_sentiment=value)])
    features_database.replicated()
    found = await task.offline.newest(SENTIMENT, [name])
    assert found[name].values[0] == 0.25


async def test_the_tables_have_a_column_for_every_feature(features_database: PostgresCluster) -> None:
    for view in VIEWS:
        listed = "select column_name from information_schema.columns where table_name = "
        asked = f"{listed}'{view.name}' order by ordinal_position"
        columns = features_database.sql(asked).splitlines()
        assert columns == [
            *(view.entity, "event_time", "event_timestamp", "created", "vector_hash"),
            *view.names,
        ]


async def test_days_are_partitions_and_old_ones_are_dropped(
    task: FeaturesTask, features_database: PostgresCluster
) -> None:
    view, name = VIEWS[0], symbol()
    days = days_from(NOON, 2)
    await task.offline.make_partitions(days)
    await task.offline.make_partitions(days)
    await task.offline.keep(view, [row(view, name, NOON, price=1.0)])
    partition = f"market_data_features_{days[0]:%Y%m%d}"
    assert features_database.sql(f"select symbol from {partition}") == name  # noqa: S608
    dropped = await task.offline.drop_partitions(days[1])
    assert dropped == [partition, f"technical_indicators_features_{days[0]:%Y%m%d}"]
    assert await task.offline.drop_partitions(date(2000, 1, 1)) == []


@pytest.mark.parametrize("at", ["yesterday", "2026-01-05", "2026-13-05T00:00:00Z", "1950-01-05T00:00:00Z"])
async def test_a_time_that_is_none_is_told(task: FeaturesTask, at: str) -> None:
    asked = {"features": ["price"], "rows": [{"entity": "AAPL", "at": at}]}
    answer = await task.http.post("/features/historical", json=asked, headers=task.bearer("viewer"))
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:richesreach:problem:invalid-request")


@given(at=st.integers(0, 2**62 - 1))
@settings(deadline=None)
def test_a_time_comes_back_to_the_nanosecond(at: int) -> None:
    assert moments.nanoseconds(moments.text(at)) == at
    assert at <= moments.of_datetime(moments.not_before(at)) < at + 1000
