"""The offline rows as Parquet: the same join, over files, with nothing from after the asked time."""

import tempfile
from pathlib import Path

import features_task
import numpy as np
from features_task import SECOND, FeaturesTask, symbol
from hypothesis import given, settings
from hypothesis import strategies as st
from postgres_servers import PostgresCluster
from richesreach.features import parquet
from richesreach.features.export import export
from richesreach.features.offline import Row, rows_of
from richesreach.features.selection import selection
from richesreach.features.views import BY_NAME

NOON = 1_767_268_800 * SECOND
VIEW = BY_NAME["sentiment_features"]
_TIMES = st.integers(NOON - 10, NOON + 10)  # over the end of an hour's file


def row(entity: str, at: int, value: float) -> Row:
    values = np.array([features_task.row(VIEW.layout, {"news_sentiment": value})])
    return rows_of(VIEW, [entity], np.array([at]), values)[0]


def keep(folder: Path, rows: list[Row]) -> None:
    for hour in {one.time - one.time % parquet.HOUR for one in rows}:
        of_hour = [one for one in rows if hour <= one.time < hour + parquet.HOUR]
        parquet.write(VIEW, of_hour, parquet.path_of(folder, VIEW, hour))


@given(
    kept=st.dictionaries(st.tuples(st.sampled_from("AB"), _TIMES), st.floats(-1, 1), max_size=12),
    asked=st.lists(st.tuples(st.sampled_from("ABC"), _TIMES), min_size=1, max_size=8),
)
@settings(max_examples=40, deadline=None)
def test_a_join_over_files_gives_the_newest_that_was_known_and_nothing_from_after(
    kept: dict[tuple[str, int], float], asked: list[tuple[str, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        keep(Path(folder), [row(entity, at, value) for (entity, at), value in kept.items()])
        found = parquet.as_of(
            Path(folder), selection(["news_sentiment"]), [name for name, _ in asked], [at for _, at in asked]
        )
    for (name, at), value, time in zip(asked, found.values[:, 0], found.times.tolist(), strict=True):
        newest = max((when for entity, when in kept if entity == name and when <= at), default=-1)
        assert time == newest
        assert np.array_equal(value, kept.get((name, newest), np.nan), equal_nan=True)


def test_what_was_too_old_at_the_time_is_not_joined(tmp_path: Path) -> None:
    keep(tmp_path, [row("A", NOON, 0.5)])
    last = NOON + VIEW.ttl * SECOND - 1
    found = parquet.as_of(tmp_path, selection(["news_sentiment"]), ["A", "A"], [last, last + 1])
    assert found.times.tolist() == [NOON, -1]


async def test_files_join_what_the_database_joins(
    task: FeaturesTask, features_database: PostgresCluster, tmp_path: Path
) -> None:
    name = symbol()
    await task.offline.keep(VIEW, [row(name, NOON + after, after / 8) for after in (-3, 0, 5)])
    features_database.replicated()
    await export(task.offline, VIEW, NOON - parquet.HOUR, NOON + parquet.HOUR, tmp_path)
    wanted = selection(["social_mentions", "news_sentiment"])
    times = [NOON + after for after in range(-4, 7)]
    ours = await task.offline.as_of(wanted, [name] * len(times), times)
    theirs = parquet.as_of(tmp_path, wanted, [name] * len(times), times)
    assert np.array_equal(ours.values, theirs.values, equal_nan=True)
    assert ours.times.tolist() == theirs.times.tolist()
    assert len(set(ours.times.tolist())) == 4
