"""The Feast registry, applied to a real Postgres by Feast itself, says and joins what the service does."""

import math

import features_task
import numpy as np
import pytest
from feast_side import FeastSide
from gateway_task import task_environment
from postgres_servers import PostgresCluster
from richesreach.core.database import Database
from richesreach.core.settings import Settings
from richesreach.features.offline import OfflineStore, rows_of
from richesreach.features.selection import selection
from richesreach.features.views import BY_NAME, VIEWS

SECOND = 1_000_000_000
NOON = 1_767_268_800 * SECOND
NAMES = ["sentiment_features:news_sentiment", "ml_prediction_features:predicted_signal"]
# Seconds after noon and value, by view.
KEPT = {
    "sentiment_features": {"A": [(0, 0.25), (10, 0.5)], "B": [(5, -0.75)]},
    "ml_prediction_features": {"A": [(3, 1.0), (12, -1.0)]},
}
ASKED = [("A", 0), ("A", 9), ("A", 10), ("A", 11), ("A", 3600), ("B", 4), ("B", 5), ("C", 10)]


def test_feast_knows_the_views_of_the_service(feast: FeastSide, database: PostgresCluster) -> None:
    told = feast.open("postgres", database)
    assert told["views"] == [
        {
            "name": view.name,
            "entity": view.entity,
            "ttl_seconds": view.ttl,
            "features": [*view.names],
            "table": view.name,
            "layout": f"{view.layout.number:016x}",
        }
        for view in VIEWS
    ]


async def test_feast_joins_what_the_service_joins(feast: FeastSide, database: PostgresCluster) -> None:
    opened = Database(Settings.from_environment(task_environment(database, None)))
    await opened.open()
    store = OfflineStore(opened)
    for (name, entities), feature in zip(KEPT.items(), ("news_sentiment", "predicted_signal"), strict=True):
        view = BY_NAME[name]
        for entity, rows in entities.items():
            for after, value in rows:
                values = np.array([features_task.row(view.layout, {feature: value})])
                await store.keep(view, rows_of(view, [entity], np.array([NOON + after * SECOND]), values))
    database.replicated()
    joined = await store.as_of(
        selection(NAMES), [entity for entity, _ in ASKED], [NOON + after * SECOND for _, after in ASKED]
    )
    await opened.close()
    feast.open("postgres", database)
    rows = [[entity, NOON // SECOND + after] for entity, after in ASKED]
    theirs = feast.ask("join", rows=rows, features=NAMES)["values"]
    ours = [[None if math.isnan(value) else value for value in row] for row in joined.values.tolist()]
    assert theirs == ours
    assert ours[3] == [0.5, 1.0]


@pytest.mark.parametrize("after", [1, 999])
async def test_feast_sees_nothing_from_after_the_asked_time_though_it_knows_no_nanoseconds(
    feast: FeastSide, database: PostgresCluster, after: int
) -> None:
    opened = Database(Settings.from_environment(task_environment(database, None)))
    await opened.open()
    view, name = BY_NAME["sentiment_features"], f"N{after}"
    values = np.array([features_task.row(view.layout, {"news_sentiment": 0.5})])
    await OfflineStore(opened).keep(view, rows_of(view, [name], np.array([NOON + after]), values))
    await opened.close()
    feast.open("postgres", database)
    rows = [[name, NOON // SECOND], [name, NOON // SECOND + 1]]
    theirs = feast.ask("join", rows=rows, features=NAMES[:1])["values"]
    assert theirs == [[None], [0.5]]
