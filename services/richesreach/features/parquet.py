"""Rows of the views as Parquet files, and the same join over them as over Postgres, for training.

    <folder>/<view>/dt=2026-01-05/hour=14.parquet

Values are 64-bit floats, null where there is none; `event_time` is Unix nanoseconds. A file is complete or
not there: it is renamed to its name once it is written.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from richesreach.features.moments import SECOND
from richesreach.features.offline import Joined, Row, by_view
from richesreach.features.selection import Selection
from richesreach.features.views import View

HOUR = 3600 * SECOND
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "memory_limit": "512MB",
    "autoinstall_known_extensions": False,
}


def path_of(folder: Path, view: View, hour: int) -> Path:
    """Of the file with the rows of one hour, which begins at `hour` (Unix nanoseconds)."""
    begins = datetime.fromtimestamp(hour // SECOND, UTC)
    return folder / view.name / f"dt={begins:%Y-%m-%d}" / f"hour={begins:%H}.parquet"


def write(view: View, rows: Sequence[Row], path: Path) -> None:
    """Sorted by entity and time, in place of what was there."""
    columns: dict[str, Any] = {
        view.entity: np.array([row.entity for row in rows], dtype=object),
        "event_time": np.array([row.time for row in rows], np.int64),
        "vector_hash": np.array([row.hash for row in rows], dtype=object),
    }
    values = np.array([row.values for row in rows], np.float64).reshape(len(rows), len(view.names))
    for place, name in enumerate(view.names):
        columns[name] = np.ascontiguousarray(values[:, place])
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    numbers = ", ".join(f"nullif({name}, 'nan'::double) as {name}" for name in view.names)
    with duckdb.connect(":memory:", config=_SETTINGS) as engine:
        engine.register("rows", columns)
        engine.execute(
            f"copy (select {view.entity}, event_time, vector_hash, {numbers} from rows"  # noqa: S608
            f" order by {view.entity}, event_time) to '{_quoted(part)}' (format parquet, compression zstd)"
        )
    part.rename(path)


def as_of(folder: Path, wanted: Selection, entities: Sequence[str], times: Sequence[int]) -> Joined:
    """As `OfflineStore.as_of`, of the files below `folder`: never a value from after a row's time."""
    number = len(entities)
    values = np.full((number, len(wanted.names)), np.nan)
    oldest = np.full(number, np.iinfo(np.int64).max)
    asked = {
        "entity": np.array([*entities], dtype=object),
        "at": np.array([*times], np.int64),
        "place": np.arange(number),
    }
    with duckdb.connect(":memory:", config=_SETTINGS) as engine:
        engine.register("asked", asked)
        for view, columns in by_view(wanted.names).items():
            files = sorted((folder / view.name).glob("dt=*/hour=*.parquet"))
            if not files:
                continue
            engine.read_parquet([str(path) for path in files], hive_partitioning=False).create_view(view.name)
            names = ", ".join(f"found.{wanted.names[each]}" for each in columns)
            rows = engine.execute(
                f"select asked.place, found.event_time, {names} from asked asof join {view.name} found"  # noqa: S608
                f" on asked.entity = found.{view.entity} and asked.at >= found.event_time"
                " where found.event_time > asked.at - ?",
                [view.ttl * SECOND],
            ).fetchall()
            for place, at, *found in rows:
                values[place, columns] = [np.nan if value is None else value for value in found]
                oldest[place] = min(oldest[place], at)
    oldest[oldest == np.iinfo(np.int64).max] = -1
    return Joined(oldest, values)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
